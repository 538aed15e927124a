"""Configuration of the workload `speed`."""

from dataclasses import dataclass, field
from typing import ClassVar


@dataclass(frozen=True)
class SpeedConfig:
    """Prompt processing at several prompt sizes and generation, both at an empty cache."""

    NAME: ClassVar[str] = "speed"
    METHOD_VERSION: ClassVar[int] = 2
    """Raised when the way of measuring changes, so that old cells are not taken for new ones."""

    name: str = "speed"
    prompt_sizes: list[int] = field(default_factory=lambda: [512])
    """Prompt sizes, tokens; those that do not fit the context are left out."""
    n_predict: int = 128
    """Tokens to generate."""
    repetitions: int = 5
    seed: int = 0
    """Seed of the random tokens and of the order of the steps."""
