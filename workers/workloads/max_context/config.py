"""Configuration of the workload `max_context`."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class MaxContextConfig:
    """The largest context, up to the cell's own, that starts and generates.

    The cell's `context` is the limit of the search: write the model's native one.
    """

    NAME: ClassVar[str] = "max_context"
    METHOD_VERSION: ClassVar[int] = 1

    name: str = "max_context"
    max_starts: int = 4
    """Server starts at most."""
    granularity: int = 1024
    """Contexts tried are multiples of it, tokens."""
    n_predict: int = 16
    """Tokens to generate as proof."""
