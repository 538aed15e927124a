"""Configuration of the workload `stability`."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class StabilityConfig:
    """The slot filled, a generation on top, and all of it again."""

    NAME: ClassVar[str] = "stability"
    METHOD_VERSION: ClassVar[int] = 1

    name: str = "stability"
    fill_pct: float = 90.0
    """Part of the slot to fill before the generation, percent; rounded up to a token."""
    chunk: int = 8192
    """Prompt tokens that a request adds."""
    n_predict: int = 128
    """Tokens to generate in each round."""
    rounds: int = 2
    """At least 2: a leak is what a later round takes more than the first."""
    seed: int = 0
    """Seed of the random tokens."""
