"""Workload `depth_curve`: speed of prompt processing and generation as the cache fills.

Method, version 2 (docs/measurement.md has the experiments behind it):

- One prefix of random tokens; depth d is its first d tokens. It is extended in ascending order,
  so that the deepest prefill is the only one.
- A trial at depth d sends P[:d] and new random tokens: one, then generation; or `tail` of them,
  none generated. It counts only if the server took exactly d tokens from the cache.
- Where the server can, each depth is saved to a slot file once, and restored before each trial:
  then repetitions run over all depths in turn, in a shuffled order, so that drift hits all alike.
  Full attention can also go back: each round runs downwards there, from one file, the deepest's.
  The first repetition is made during the fill, upwards: its prompt is the next part of the prefix.
- A sliding window cannot be restored, nor go back by more than a ubatch (`window`). There, and
  where the server keeps context checkpoints, repetitions are made at each depth in place, depths
  ascending, and the first is measured once more at the end (steps marked `-again`).
- A depth is repeated until the medians of both its steps are known well enough; both are then
  measured equally often, and no step comes twice in a row.
- The speed of each batch of the fill is the prefill curve, for free.
"""

from workers.workloads.base import Bench
from workers.workloads.depth_curve.config import DepthCurveConfig
from workers.workloads.depth_curve.curve import Curve, Events
from workers.workloads.depth_curve.method import choose, probe
from workers.workloads.depth_curve.prefix import room_mib
from workers.workloads.depth_curve.steps import depths_of
from workers.workloads.depth_curve.window import for_window, moved
from workers.workloads.prompts import Prompts


class DepthCurve:
    """The workload `depth_curve` with its config."""

    def __init__(self, config: DepthCurveConfig) -> None:
        self._config = config

    def total(self, context: int) -> int:
        """Number of trials at most, with a drift check; see `Workload`."""
        return 2 * len(depths_of(self._config, context)) * self._config.max_repetitions + 2

    def run(self, bench: Bench) -> Events:
        """Fill, save and measure; see `Workload`."""
        depths = depths_of(self._config, bench.context)
        if bench.cancelled.is_set():
            return
        prompts = Prompts(bench.client, self._config.seed)
        probed = probe(bench, prompts)
        room = room_mib(bench)
        method = choose(probed, depths, checkpoints=bench.checkpoints, room_mib=room)
        config = self._config
        if probed.is_window:
            cells = bench.window_cells
            config = for_window(config, ubatch_size=bench.ubatch_size, cells=cells)
            depths = moved(depths, config, cells) if cells else depths
        curve = Curve(bench, config, prompts, depths, method, goes_back=probed.goes_back)
        try:
            yield from curve.events()
        finally:
            curve.prefix.drop_all()
        yield curve.row(probed)
