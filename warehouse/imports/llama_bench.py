"""Tests of llama-bench, of any of its forms and of old and new builds. Pure.

A field that a build did not know is absent; values are normalised by kind, since CSV and SQL
quote all of them. Fields: llama.cpp's tools/llama-bench.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

SOURCE = "llama-bench"

REQUIRED = ("n_prompt", "n_gen", "test_time")
_RESULTS = frozenset(
    {"n_prompt", "n_gen", "n_depth", "test_time", "avg_ns", "stddev_ns", "avg_ts", "stddev_ts"}
    | {"samples_ns", "samples_ts"}
)
"""Fields that are no configuration."""
_TEXTS = frozenset(
    {"build_commit", "cpu_info", "gpu_info", "backends", "model_filename", "model_type", "cpu_mask"}
    | {"type_k", "type_v", "split_mode", "devices", "tensor_split", "tensor_buft_overrides"}
    | {"load_mode", "lazy_mode"}
)
"""Fields that may look like a number and are none: a commit of digits."""
_SHOWN = 40
"""Characters of a value that an error shows."""
_TRUTH = {"true": 1, "false": 0}


@dataclass(frozen=True, slots=True)
class BenchTest:
    """A test with its repetitions."""

    config: Mapping[str, int | float | str]
    """Every field that is no result: numbers and truths as numbers."""
    n_prompt: int
    n_gen: int
    n_depth: int
    started_at: datetime
    """Start of the first repetition, whole seconds, UTC."""
    samples_ns: tuple[float, ...]
    """Time of each repetition; of CSV and SQL, which keep none, their average alone."""
    averaged: bool
    """Whether there is the average alone."""
    sd_tok_s: float | None
    """Of an average: standard deviation of the repetitions."""

    @property
    def build(self) -> str | None:
        """As herd writes builds, where it is told."""
        if "build_commit" not in self.config and "build_number" not in self.config:
            return None
        return f"build {self.config.get('build_number')}, commit {self.config.get('build_commit')}"

    @property
    def kind(self) -> str:
        """pp, tg, or pg where one test is a prompt and a generation."""
        if self.n_prompt and self.n_gen:
            return "pg"
        return "pp" if self.n_prompt else "tg"

    @property
    def tokens(self) -> int:
        """Tokens that its time is of."""
        return self.n_prompt + self.n_gen

    @property
    def step(self) -> str:
        """As llama-bench names it, without the depth."""
        parts = {"pp": self.n_prompt, "tg": self.n_gen}
        return "+".join(f"{kind}{n}" for kind, n in parts.items() if n)


def read_test(record: Mapping[str, Any]) -> BenchTest:
    """A test from a record of the file.

    Raises:
        ValueError: a field that decides is missing or is not what it should be; one line.
    """
    samples = record.get("samples_ns")
    required = REQUIRED if samples else (*REQUIRED, "avg_ns")
    missing = [name for name in required if not _has(record, name)]
    if missing:
        raise ValueError(f"no {', no '.join(missing)}: not of llama-bench")
    n_prompt, n_gen = _count(record, "n_prompt"), _count(record, "n_gen")
    if n_prompt + n_gen == 0:
        raise ValueError("n_prompt and n_gen are 0: it measured nothing")
    return BenchTest(
        config={
            name: normal(name, value)
            for name, value in record.items()
            if name not in _RESULTS and _has(record, name)
        },
        n_prompt=n_prompt,
        n_gen=n_gen,
        # Builds that know no depth measure at none.
        n_depth=_count(record, "n_depth") if _has(record, "n_depth") else 0,
        started_at=_time(record["test_time"]),
        samples_ns=_samples(samples) if samples else (_number("avg_ns", record["avg_ns"]),),
        averaged=not samples,
        sd_tok_s=_deviation(record) if not samples else None,
    )


def normal(name: str, value: object) -> int | float | str:
    """The value that a field has in every form: `true`, True, `1` and 1 are alike."""
    text = str(value)
    if name in _TEXTS:
        return text
    if isinstance(value, bool) or text in _TRUTH:
        return _TRUTH[text.lower()]
    if isinstance(value, int | float):
        return value
    digits = text.removeprefix("-")
    return int(text) if digits.isdecimal() and digits.isascii() else text


def _has(record: Mapping[str, Any], name: str) -> bool:
    return record.get(name) not in (None, "")


def _samples(found: object) -> tuple[float, ...]:
    if not isinstance(found, list):
        raise ValueError(f"samples_ns is {str(found)[:_SHOWN]!r}, no list of times")
    return tuple(_number("samples_ns", each) for each in found)


def _number(name: str, value: object) -> float:
    try:
        number = float(str(value))
    except ValueError as error:
        raise ValueError(f"{name} is {str(value)[:_SHOWN]!r}, no number") from error
    if not math.isfinite(number) or number < 0:
        raise ValueError(f"{name} is {number}, no time")
    return number


def _count(record: Mapping[str, Any], name: str) -> int:
    text = str(record[name])
    if not (text.isascii() and text.isdecimal()):
        raise ValueError(f"{name} is {text[:_SHOWN]!r}, no number of tokens")
    return int(text)


def _deviation(record: Mapping[str, Any]) -> float | None:
    """Unknown where one repetition has none (nan)."""
    try:
        found = float(str(record.get("stddev_ts")))
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def _time(value: object) -> datetime:
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise ValueError(f"test_time is {str(value)[:_SHOWN]!r}, no time") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)
