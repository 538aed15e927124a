"""Values of the axes: from what a user writes to what a cell holds. Pure."""

import re
from collections.abc import Collection
from math import isfinite

from orchestrator.pairing import BY_MEMORY, Split
from orchestrator.patterns import parse_pattern
from warehouse.errors import ConfigError
from workers.engine.flags import CACHE_TYPES
from workers.measure import FOREIGN_POLICIES, MARKS, MeasureConfig


def parse_context(value: int | str) -> int:
    """Context size in tokens: `131072`, or `128k` (x 1024).

    Raises:
        ConfigError: no positive whole number of tokens.
    """
    match = re.fullmatch(r"(\d+)(k?)", str(value).strip().lower())
    tokens = int(match[1]) * (1024 if match[2] else 1) if match else 0
    if tokens <= 0:
        raise ConfigError(f"context={value}: write tokens (131072) or multiples of 1024 (128k)")
    return tokens


def parse_cache(value: str) -> tuple[str, str]:
    """KV cache types `K/V`.

    Raises:
        ConfigError: not two of llama.cpp's cache types.
    """
    k, _, v = value.partition("/")
    for name in (k, v):
        if name not in CACHE_TYPES:
            known = ", ".join(CACHE_TYPES)
            raise ConfigError(f"cache={value}: unknown cache type '{name}'; write K/V of {known}")
    return k, v


def parse_split(value: str) -> Split:
    """Tensor split: None for `even`, `by_memory`, else the ratio `14/10`.

    Raises:
        ConfigError: none of these.
    """
    if value == "even":
        return None
    if value == BY_MEMORY:
        return BY_MEMORY
    try:
        ratio = tuple(float(part) for part in value.split("/"))
    except ValueError:
        ratio = ()
    if not ratio or min(ratio) < 0 or sum(ratio) <= 0 or not all(map(isfinite, ratio)):
        raise ConfigError(f"split={value}: write even, by_memory, or a ratio such as 14/10")
    return ratio


def check_pairing(value: str) -> str:
    """A pairing in the one way to write it: `2x RTX 3060` for `RTX 3060 + RTX 3060`.

    Raises:
        ConfigError: no pattern that `orchestrator.patterns` knows.
    """
    return str(parse_pattern(value))


def check_measure(value: MeasureConfig) -> MeasureConfig:
    """Policies and limits of a measurement.

    Raises:
        ConfigError: an unknown policy or mark, or a limit below zero.
    """
    if value.gpu_foreign not in FOREIGN_POLICIES:
        raise ConfigError(
            f"measure.gpu_foreign={value.gpu_foreign}: write {', '.join(FOREIGN_POLICIES)}"
        )
    for mark in value.invalid_when:
        if mark not in MARKS:
            raise ConfigError(
                f"measure.invalid_when: unknown mark '{mark}'; there are {', '.join(MARKS)}"
            )
    for name, limit in vars(value).items():
        if isinstance(limit, float) and not limit >= 0:
            raise ConfigError(f"measure.{name}={limit:g}: write a number from 0 up")
    return value


def check_quant(model: str, quant: str, quants: Collection[str]) -> str:
    """A quant that the catalogue has for the model.

    Raises:
        ConfigError: the catalogue has no such quant of the model.
    """
    if quant not in quants:
        known = ", ".join(quants) or "none"
        raise ConfigError(f"model {model} has no quant '{quant}'; the catalogue has {known}")
    return quant
