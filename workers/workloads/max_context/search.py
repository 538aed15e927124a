"""Where to look next for the largest context: pure."""

from collections.abc import Mapping

_STEP = 8
"""While only one side is known, move by an eighth: predictions are off by little."""


def next_context(
    tried: Mapping[int, bool], *, limit: int, first_guess: int | None, granularity: int
) -> int | None:
    """The context to try next, or None when the answer is known as finely as asked.

    Args:
        tried: contexts tried so far and whether they worked.
        limit: largest context asked for, tokens.
        first_guess: largest context predicted to fit; None starts at the limit.
        granularity: contexts other than the limit are multiples of it.
    """
    works = max((context for context, ok in tried.items() if ok), default=0)
    fails = min((context for context, ok in tried.items() if not ok), default=None)
    if works == limit:
        return None
    if not tried:
        candidate = min(limit, first_guess or limit)
    elif fails is None:
        candidate = works + max(granularity, works // _STEP)
    elif works == 0:
        candidate = fails - max(granularity, fails // _STEP) * len(tried)
    else:
        candidate = (works + fails) // 2
    return _rounded(candidate, works, fails, limit, granularity)


def _rounded(
    candidate: int, works: int, fails: int | None, limit: int, granularity: int
) -> int | None:
    if candidate >= limit and fails is None:
        return limit
    rounded = max(granularity, candidate // granularity * granularity)
    if rounded <= works or (fails is not None and rounded >= fails):
        return None
    return rounded
