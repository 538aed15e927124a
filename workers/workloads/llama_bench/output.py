"""What llama-bench prints (`--output jsonl`), as rows of `trials`: pure."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from warehouse import rows

SOURCE = "llama-bench"


@dataclass(frozen=True, slots=True)
class BenchTest:
    """A line of its output: one test with its repetitions."""

    build: str
    kind: str
    """pp or tg"""
    tokens: int
    depth: int
    started_at: datetime
    """Start of the first repetition, whole seconds, UTC."""
    samples_ns: tuple[int, ...]

    @property
    def step(self) -> str:
        """As the workloads that llama-server answers name it."""
        return f"{self.kind}{self.tokens}"


def parse_output(lines: Iterable[str]) -> tuple[BenchTest, ...]:
    """The tests among what it printed on both streams; a line that was cut off is none.

    Fields as in llama.cpp's `tools/llama-bench`; a test is all prompt or all generation.
    """
    return tuple(test for line in lines if (test := _test(line)) is not None)


def _test(line: str) -> BenchTest | None:
    if not line.startswith("{"):
        return None
    try:
        found: dict[str, Any] = json.loads(line)
    except ValueError:
        return None
    kind, tokens = ("pp", found["n_prompt"]) if found["n_prompt"] else ("tg", found["n_gen"])
    return BenchTest(
        build=f"build {found['build_number']}, commit {found['build_commit']}",
        kind=kind,
        tokens=tokens,
        depth=found.get("n_depth", 0),  # builds that know no depth measure at none
        started_at=datetime.fromisoformat(found["test_time"]),
        samples_ns=tuple(found["samples_ns"]),
    )


def as_errors(lines: Iterable[str]) -> list[str]:
    """Its lines that are no results (it prints errors only), as llama-server logs errors."""
    return [f"0.00.000.000 E {line}" for line in lines if not line.startswith("{")]


def trial_rows(cell_id: str, attempt: int, tests: Iterable[BenchTest]) -> tuple[rows.Trial, ...]:
    """A row for each repetition of each test, in the order in which they ran."""
    repetitions = [each for test in tests for each in _repetitions(test)]
    return tuple(
        _row(cell_id, attempt, order, *each) for order, each in enumerate(repetitions, start=1)
    )


def _repetitions(test: BenchTest) -> Iterator[tuple[BenchTest, int, int, datetime]]:
    start = test.started_at
    for number, nanoseconds in enumerate(test.samples_ns, start=1):
        yield test, number, nanoseconds, start
        start += timedelta(microseconds=nanoseconds / 1000)


def _row(
    cell_id: str, attempt: int, order: int, test: BenchTest, number: int, ns: int, start: datetime
) -> rows.Trial:
    is_prompt = test.kind == "pp"
    milliseconds = ns / 1e6
    tok_s = test.tokens / ns * 1e9 if ns else None
    return rows.Trial(
        cell_id=cell_id,
        attempt=attempt,
        step=test.step,
        kind=test.kind,
        depth=test.depth,
        repetition=number,
        run_order=order,
        prompt_n_asked=test.tokens if is_prompt else 0,
        predicted_n_asked=0 if is_prompt else test.tokens,
        prompt_n=test.tokens if is_prompt else None,
        cache_n=None,
        predicted_n=None if is_prompt else test.tokens,
        prompt_ms=milliseconds if is_prompt else None,
        predicted_ms=None if is_prompt else milliseconds,
        ttft_ms=None,
        total_ms=None,
        inter_token_p50_ms=None,
        inter_token_p95_ms=None,
        inter_token_p99_ms=None,
        pp_tok_s=tok_s if is_prompt else None,
        tg_tok_s=None if is_prompt else tok_s,
        valid=ns > 0,
        invalid_reason=None if ns > 0 else "no time",
        clock_min_mhz=None,
        temperature_max_c=None,
        power_mean_w=None,
        throttle_reasons=None,
        energy_j=None,
        energy_reason="llama-bench",
        started_at=start,
        ended_at=start + timedelta(milliseconds=milliseconds),
        source=SOURCE,
    )
