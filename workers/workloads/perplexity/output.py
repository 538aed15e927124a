"""What llama-perplexity prints, and what that is worth: pure.

It ends with 0 whatever happened after the model was loaded, so what it prints decides.
"""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from workers.engine.failures import classify
from workers.engine.log import message
from workers.failures import Failure, FailureClass

_NUMBER = r"(-?(?:\d+(?:\.\d+)?|nan|inf))"
_CHUNKS = re.compile(r"(?:calculating perplexity|computing) over (\d+) chunks")
_FINAL = re.compile(rf"Final estimate: PPL = {_NUMBER} \+/- {_NUMBER}")
_RUNNING = re.compile(rf"\[\d+\]{_NUMBER},")
_STATISTIC = re.compile(rf"^(\S.*?)\s*: +{_NUMBER}%?(?: ± +{_NUMBER})?(?: %)?$")
# "Mean    Δp: -3.528 ± 0.291 %" has no blank before its colon, and any number of them within.
_BLANKS = re.compile(r"\s+")

_TOO_SHORT = re.compile(r"the data file you provided tokenizes to only (\d+) tokens")
_TROUBLE: tuple[tuple[re.Pattern[str], FailureClass, str], ...] = (
    (
        re.compile(r"inconsistent vocabulary \((\d+) vs (\d+)\)"),
        FailureClass.BAD_ARGS,
        "the baseline has another vocabulary: name one of the same model",
    ),
    (
        re.compile(r"has been computed with \d+, while the current context"),
        FailureClass.BAD_ARGS,
        "the baseline was computed with larger chunks",
    ),
    (
        re.compile(r"failed reading|does not look like a file containing log-prob|failed to open"),
        FailureClass.CRASH,
        "the baseline's logits cannot be read",
    ),
)
_UNDECODED = ": failed to decode"
_LEAST_COMPARED = 100
"""Tokens under which it prints no statistics of a comparison."""


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of a run; None is what it did not print. Units: `warehouse.rows.Quality`."""

    chunks: int = 0
    perplexity: float | None = None
    perplexity_se: float | None = None
    baseline_perplexity: float | None = None
    kld_mean_nats: float | None = None
    kld_mean_se_nats: float | None = None
    kld_median_nats: float | None = None
    kld_p99_nats: float | None = None
    kld_max_nats: float | None = None
    same_top_pct: float | None = None
    same_top_se_pct: float | None = None
    p_change_mean_pct: float | None = None
    p_change_rms_pct: float | None = None


def parse_output(lines: Iterable[str]) -> Figures:
    """The figures of either kind of run."""
    text = [message(line) for line in lines]
    chunks = next((int(found[1]) for line in text if (found := _CHUNKS.search(line))), 0)
    stated = _statistics(text)
    ppl, ppl_se = stated.get("Mean PPL(Q)", _plain_perplexity(text))
    kld, kld_se = stated.get("Mean KLD", (None, None))
    top, top_se = stated.get("Same top p", (None, None))
    return Figures(
        chunks=chunks,
        perplexity=ppl,
        perplexity_se=ppl_se,
        baseline_perplexity=_value(stated, "Mean PPL(base)"),
        kld_mean_nats=kld,
        kld_mean_se_nats=kld_se,
        kld_median_nats=_value(stated, "Median KLD"),
        kld_p99_nats=_value(stated, "99.0% KLD"),
        kld_max_nats=_value(stated, "Maximum KLD"),
        same_top_pct=top,
        same_top_se_pct=top_se,
        p_change_mean_pct=_value(stated, "Mean Δp"),
        p_change_rms_pct=_value(stated, "RMS Δp"),
    )


def trouble(
    lines: Sequence[str], exit_code: int, *, compared: bool, chunk_context: int
) -> Failure | None:
    """Why a run has no figures, or wrong ones, as far as it says so itself.

    Args:
        lines: what it printed.
        exit_code: 0, or of one that the classes of failures tell more about.
        compared: whether it was to compare with a baseline.
        chunk_context: tokens of a chunk.
    """
    for line in lines:
        if found := _TOO_SHORT.search(line):
            text = f"the text has only {found[1]} tokens: two chunks of workload.chunk_context"
            return Failure(FailureClass.BAD_ARGS, f"{text} are the least")
        for pattern, failure_class, text in _TROUBLE:
            if pattern.search(line):
                return Failure(failure_class, text)
        if _UNDECODED in line:
            return _undecoded(lines)
    figures = parse_output(lines)
    if exit_code != 0 or (figures.chunks and figures.perplexity is not None):
        return None
    scored = figures.chunks * (chunk_context - 1 - chunk_context // 2)
    if compared and 0 < scored < _LEAST_COMPARED:
        text = f"too few tokens to compare: llama-perplexity wants {_LEAST_COMPARED} scored ones"
        return Failure(FailureClass.BAD_ARGS, f"{text} (workload.chunks, workload.chunk_context)")
    # its log thread may lose the last lines, as the server's does: that may pass
    return Failure(FailureClass.CRASH, "llama-perplexity printed no perplexity")


def invalid_reason(figures: Figures, *, compared: bool) -> str | None:
    """Why figures do not count; None if they do.

    Args:
        figures: of a run without `trouble`.
        compared: whether it was to compare with a baseline.
    """
    wanted = {"perplexity": figures.perplexity}
    if compared:
        wanted |= {"KL divergence": figures.kld_mean_nats, "same top": figures.same_top_pct}
    for name, value in wanted.items():
        if value is None:
            return f"no {name} was printed"
        if not math.isfinite(value):
            return f"{name} is {value}"
    return None


def finite(figures: Figures) -> Figures:
    """Without those that are no numbers: a table has null there, and the reason beside it."""
    values = asdict(figures).items()
    no_numbers: dict[str, Any] = {
        k: None for k, v in values if v is not None and not math.isfinite(v)
    }
    return replace(figures, **no_numbers)


def _undecoded(lines: Sequence[str]) -> Failure:
    found = classify(lines, 0, "run")
    if found.failure_class is FailureClass.CRASH:
        return Failure(FailureClass.CRASH, "a batch could not be decoded")
    return found


def _plain_perplexity(text: Sequence[str]) -> tuple[float | None, float | None]:
    """The final estimate; else, as with nan, the running one that came last."""
    for line in text:
        if found := _FINAL.search(line):
            return float(found[1]), float(found[2])
    running = [value for line in text for value in _RUNNING.findall(line)]
    return (float(running[-1]) if running else None), None


def _statistics(text: Iterable[str]) -> dict[str, tuple[float, float | None]]:
    found = (_STATISTIC.match(line) for line in text)
    return {
        _BLANKS.sub(" ", each[1]): (float(each[2]), float(each[3]) if each[3] else None)
        for each in found
        if each
    }


def _value(stated: dict[str, tuple[float, float | None]], name: str) -> float | None:
    return stated.get(name, (None, None))[0]
