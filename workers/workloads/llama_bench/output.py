"""What llama-bench prints (`--output jsonl`), as rows of `trials`: pure."""

import json
from collections.abc import Iterable
from dataclasses import replace

from warehouse import rows
from warehouse.imports.bench_runs import bench_trials
from warehouse.imports.llama_bench import BenchTest, read_test


def parse_output(lines: Iterable[str]) -> tuple[BenchTest, ...]:
    """The tests among what it printed on both streams; a line that was cut off is none."""
    return tuple(test for line in lines if (test := _test(line)) is not None)


def _test(line: str) -> BenchTest | None:
    if not line.startswith("{"):
        return None
    try:
        return read_test(json.loads(line))
    except ValueError:
        return None


def as_errors(lines: Iterable[str]) -> list[str]:
    """Its lines that are no results (it prints errors only), as llama-server logs errors."""
    return [f"0.00.000.000 E {line}" for line in lines if not line.startswith("{")]


def trial_rows(cell_id: str, attempt: int, tests: Iterable[BenchTest]) -> tuple[rows.Trial, ...]:
    """A row for each repetition of each test, in the order in which they ran."""
    return tuple(replace(each, cell_id=cell_id, attempt=attempt) for each in bench_trials(tests))
