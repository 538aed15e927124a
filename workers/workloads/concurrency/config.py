"""Configuration of the workload `concurrency`."""

from dataclasses import dataclass, field
from typing import ClassVar


@dataclass(frozen=True)
class ConcurrencyConfig:
    """Rising numbers of parallel streams, on a server with `engine.parallel` slots."""

    NAME: ClassVar[str] = "concurrency"
    METHOD_VERSION: ClassVar[int] = 1

    name: str = "concurrency"
    streams: list[int] = field(default_factory=lambda: [1, 2, 4, 8])
    """Numbers of streams, a step each; those above the server's slots queue."""
    requests: int = 4
    """Requests of a stream in a step, one after the other."""
    prompt_size: int = 512
    """Prompt of each request, tokens."""
    n_predict: int = 128
    """Tokens to generate in each request."""
    repetitions: int = 2
    seed: int = 0
    """Seed of the random tokens and of the order of the steps."""
