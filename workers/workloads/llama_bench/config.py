"""Configuration of the workload `llama_bench`."""

from dataclasses import dataclass, field
from typing import ClassVar


@dataclass(frozen=True)
class LlamaBenchConfig:
    """llama-bench's prompt processing and generation, at several depths.

    The binary is `engine.bench_binary`; model, caches, devices and flags are the cell's.
    """

    NAME: ClassVar[str] = "llama_bench"
    METHOD_VERSION: ClassVar[int] = 1

    name: str = "llama_bench"
    prompt_sizes: list[int] = field(default_factory=lambda: [512])
    """Prompt sizes, tokens; those that do not fit the context are left out."""
    n_predict: int = 128
    """Tokens to generate."""
    depths: list[int] = field(default_factory=lambda: [0])
    """Tokens in the cache before the measured ones."""
    repetitions: int = 5
