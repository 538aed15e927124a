"""What a sliding window allows: pure.

Its cache is a ring of cells, some more than the window and a ubatch. Going back to depth d needs a
token older than the window, and a trial at d overwrites the oldest cells. Seen on llama.cpp 10068
and 11434 (they agree): a tail of a full ubatch leaves none of them, and one that wraps round the
end of the ring overwrites others each time, so that the second or third trial finds none left
and the server processes the whole prompt again.
"""

from collections.abc import Iterable
from dataclasses import replace

from workers.failures import CellFailed, Failure, FailureClass
from workers.workloads.depth_curve.config import DepthCurveConfig


def for_window(
    config: DepthCurveConfig, *, ubatch_size: int, cells: int | None
) -> DepthCurveConfig:
    """The config with a tail that can be repeated.

    Args:
        config: as asked for.
        ubatch_size: tokens that the server computes at once.
        cells: of the ring; None where the server does not tell, and then only half a ubatch
            leaves enough of them wherever the depth lies.

    Raises:
        CellFailed: the generation is too long (`bad_args`).
    """
    limit = ubatch_size - 1 if cells else ubatch_size // 2
    if config.n_predict > limit:
        text = (
            f"generating {config.n_predict} tokens overwrites the sliding window: "
            f"set workload.n_predict to {limit} at most, or engine.ubatch_size higher"
        )
        raise CellFailed(Failure(FailureClass.BAD_ARGS, text))
    return replace(config, tail=min(config.tail, limit))


def moved(depths: Iterable[int], config: DepthCurveConfig, cells: int) -> tuple[int, ...]:
    """The depths, moved back where a trial there would wrap round the ring of cells."""
    longest = max(config.tail, config.n_predict)
    return tuple(sorted({depth - max(0, depth % cells + longest - cells) for depth in depths}))
