"""Configuration of the workload `depth_curve`."""

from dataclasses import dataclass, field
from typing import ClassVar

from workers.workloads.depth_curve.depths import parse_depth


@dataclass(frozen=True)
class DepthCurveConfig:
    """Prompt processing and generation at several depths, in one server life.

    Raises:
        ConfigError: a depth cannot be read.
    """

    NAME: ClassVar[str] = "depth_curve"
    METHOD_VERSION: ClassVar[int] = 2

    name: str = "depth_curve"
    depths: list[int | str] = field(
        default_factory=lambda: [0, *(f"{eighth * 12.5:g}%" for eighth in range(1, 8))]
    )
    """Tokens in the cache: a number, `16k` (x 1024), or `50%` of the context. Those that leave no
    room for what is measured are left out."""
    n_predict: int = 128
    """Tokens to generate at each depth."""
    tail: int = 512
    """Prompt tokens to process at each depth; a sliding window takes less than a ubatch."""
    min_repetitions: int = 3
    max_repetitions: int = 8
    target_pct: float = 2.0
    """Depths are repeated until half the 95 % interval of both medians is below it, percent of
    the median."""
    seed: int = 0
    """Seed of the random tokens and of the order of the trials."""

    def __post_init__(self) -> None:
        for depth in self.depths:
            parse_depth(depth, 1)
