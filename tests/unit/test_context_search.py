"""The search for the largest context, against a memory that holds so many tokens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.workloads.max_context.search import next_context

LIMIT = 262_144


def search(holds: int, *, guess: int | None, starts: int, limit: int = LIMIT) -> dict[int, bool]:
    tried: dict[int, bool] = {}
    while len(tried) < starts:
        context = next_context(tried, limit=limit, first_guess=guess, granularity=1024)
        if context is None:
            break
        assert context not in tried
        tried[context] = context <= holds
    return tried


def best(tried: dict[int, bool]) -> int:
    return max((context for context, ok in tried.items() if ok), default=0)


def test_the_limit_is_tried_first_without_a_prediction() -> None:
    assert search(LIMIT, guess=None, starts=4) == {LIMIT: True}


def test_a_good_prediction_is_closed_in_on_within_four_starts() -> None:
    """Off by 3 %: the answer is within 4 % of the truth."""
    for holds in (100_000, 97_000):
        found = best(search(holds, guess=98_304, starts=4))
        assert found <= holds
        assert found > 0.96 * holds


def test_a_prediction_far_too_high_still_finds_something() -> None:
    assert best(search(100_000, guess=130_000, starts=4)) >= 65_000


def test_the_limit_itself_may_be_odd() -> None:
    assert search(10**9, guess=3000, starts=4, limit=3001) == {2048: True, 3001: True}


@given(
    holds=st.integers(0, 300_000),
    guess=st.one_of(st.none(), st.integers(1, 300_000)),
    limit=st.integers(1024, LIMIT),
)
def test_with_many_starts_the_answer_is_as_fine_as_asked(
    holds: int, guess: int | None, limit: int
) -> None:
    tried = search(holds, guess=guess, starts=200, limit=limit)
    assert all(1 <= context <= limit for context in tried)
    assert best(tried) <= min(holds, limit)
    assert best(tried) > min(holds, limit) - 2 * 1024 or min(holds, limit) < 1024


@pytest.mark.parametrize("starts", [1, 2, 3, 4])
def test_never_more_starts_than_asked(starts: int) -> None:
    assert len(search(50_000, guess=None, starts=starts)) == starts
