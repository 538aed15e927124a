"""The pure parts of depth curves: depths, order, when to stop, by which method."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.errors import ConfigError
from workers.failures import CellFailed, FailureClass
from workers.workloads.depth_curve.config import DepthCurveConfig
from workers.workloads.depth_curve.depths import fitting_depths, parse_depth
from workers.workloads.depth_curve.method import Method, Probed, choose
from workers.workloads.depth_curve.steps import Found, Step, depths_of, shuffled, steps_at
from workers.workloads.depth_curve.window import for_window, moved
from workers.workloads.depth_curve.workload import DepthCurve

HYBRID = Probed(True, True, False, token_bytes=2.0**20, fixed_bytes=3 * 2.0**20)
FULL = replace(HYBRID, goes_back=True)
WINDOW = Probed(False, False, False, token_bytes=1.0, fixed_bytes=0.0)
DEPTHS = (0, 10, 20)


@pytest.mark.parametrize(
    ("written", "tokens"),
    [
        (0, 0),
        (4096, 4096),
        ("300", 300),
        ("16k", 16384),
        ("1.5k", 1536),
        ("50%", 5000),
        ("12.5%", 1250),
    ],
)
def test_depths_as_written(written: int | str, tokens: int) -> None:
    assert parse_depth(written, 10_000) == tokens


@pytest.mark.parametrize("written", ["", "-1", "half", "5.5", "50 %", "%", -3])
def test_depths_that_cannot_be_read_are_refused_before_anything_runs(written: int | str) -> None:
    with pytest.raises(ConfigError, match=r"depth .*: write tokens, 16k, or 50% of the context"):
        DepthCurveConfig(depths=[0, written])


def test_depths_are_ascending_and_leave_room() -> None:
    assert fitting_depths(["90%", 0, 512, "50%", 500, "95%"], 1000, 99) == (0, 500, 512, 900)
    assert fitting_depths(["90%"], 1000, 100) == ()


def test_a_depth_needs_room_for_both_steps() -> None:
    config = DepthCurveConfig(depths=[0, 400, 900], tail=100, n_predict=550)
    assert depths_of(config, 1024) == (0, 400)
    assert DepthCurve(config).total(1024) >= 2 * 2 * config.max_repetitions
    with pytest.raises(CellFailed, match="leaves 551 of a context of 512") as caught:
        depths_of(config, 512)
    assert caught.value.failure.failure_class is FailureClass.BAD_ARGS


def test_a_trial_sends_a_token_more_than_is_cached() -> None:
    pp, tg = steps_at(4096, tail=512, n_predict=128)
    assert (pp, tg) == (Step("pp", 4096, 512, 0), Step("tg", 4096, 1, 128))
    asked = tg.asked(2, 7)
    assert (asked.step, asked.depth, asked.prompt_n, asked.predicted_n) == ("tg128", 4096, 1, 128)
    assert (asked.repetition, asked.run_order, asked.label) == (2, 7, "tg128 @ d4096")
    assert pp.asked(1, 1, "-again").step == "pp512-again"


def test_no_step_comes_twice_in_a_row() -> None:
    for depths in ((0,), (0, 512), (0, 512, 1024)):
        steps = [step for d in depths for step in steps_at(d, tail=512, n_predict=128)]
        order: list[Step] = []
        for repetition in range(40):
            order += shuffled(steps, f"0/order/{repetition}", order[-1] if order else None)
        assert Counter(order) == dict.fromkeys(steps, 40)
        assert all(one != after for one, after in pairwise(order))
    rounds = [tuple(order[i : i + 6]) for i in range(0, 240, 6)]
    assert len(set(rounds)) > 20


class TestFound:
    """A depth is repeated until both its medians are known."""

    CONFIG = DepthCurveConfig(min_repetitions=2, max_repetitions=4, target_pct=1.0)
    PP, TG = steps_at(512, tail=64, n_predict=8)

    def found(self, pp: list[float], tg: list[float]) -> list[Step]:
        found = Found(self.CONFIG)
        for step, speeds in ((self.PP, pp), (self.TG, tg)):
            for speed in speeds:
                found.add(step, speed, valid=True, proven=True)
        return found.left([self.PP, self.TG])

    def test_at_least_the_minimum(self) -> None:
        assert self.found([100.0], [40.0]) == [self.PP, self.TG]
        assert self.found([100.0, 100.0], [40.0, 40.0]) == []

    def test_one_that_spreads_keeps_both_going(self) -> None:
        assert self.found([100.0, 100.0], [40.0, 44.0]) == [self.PP, self.TG]

    def test_at_most_the_maximum(self) -> None:
        assert self.found([100.0] * 4, [40.0, 44.0, 36.0, 50.0]) == []

    def test_an_unproven_depth_is_not_tried_again(self) -> None:
        found = Found(self.CONFIG)
        found.add(self.TG, 40.0, valid=False, proven=False)
        assert found.left([self.PP, self.TG]) == [self.PP]
        found.add(self.PP, 100.0, valid=False, proven=False)
        assert found.left([self.PP]) == []

    def test_invalid_trials_do_not_count(self) -> None:
        found = Found(self.CONFIG)
        for _ in range(3):
            found.add(self.PP, 100.0, valid=False, proven=True)
        assert found.left([self.PP]) == [self.PP]


class TestMethod:
    """How a depth is come back to; file sizes are 3 + depth MiB here."""

    def choose(self, probed: Probed, room_mib: float, *, checkpoints: bool = False) -> Method:
        return choose(probed, DEPTHS, checkpoints=checkpoints, room_mib=room_mib)

    def test_restored_and_interleaved(self) -> None:
        assert self.choose(FULL, 23) == Method(True, True, None), "the deepest file is enough"
        assert self.choose(HYBRID, 13 + 23) == Method(True, True, None)

    def test_one_file_at_a_time(self) -> None:
        method = self.choose(HYBRID, 23)
        assert (method.restores, method.interleaves) == (True, False)
        assert method.reason == "slot files take 36 MiB, there is room for 23"

    def test_full_attention_goes_back_without_files(self) -> None:
        method = self.choose(FULL, 22)
        assert (method.restores, method.interleaves) == (False, False)

    def test_no_room(self) -> None:
        method = self.choose(HYBRID, 22)
        assert (method.restores, method.interleaves) == (False, False)

    def test_a_window_is_measured_in_place(self) -> None:
        method = self.choose(WINDOW, 1e6)
        assert (method.restores, method.interleaves) == (False, False)
        assert "sliding window" in (method.reason or "")

    def test_checkpoints_are_measured_as_deployed(self) -> None:
        method = self.choose(FULL, 1e6, checkpoints=True)
        assert (method.restores, method.interleaves) == (False, False)
        assert "as deployed" in (method.reason or "")


def test_a_window_takes_less_than_a_ubatch() -> None:
    config = DepthCurveConfig(tail=2048, n_predict=128)
    assert for_window(config, ubatch_size=512, cells=1024).tail == 511
    assert for_window(config, ubatch_size=512, cells=None).tail == 256
    assert for_window(config, ubatch_size=4096, cells=5120).tail == 2048
    with pytest.raises(CellFailed, match="to 127 at most"):
        for_window(config, ubatch_size=128, cells=1024)


@given(
    depths=st.lists(st.integers(0, 100_000), min_size=1, max_size=8),
    cells=st.sampled_from([768, 1024, 1536, 4608]),
    tail=st.integers(1, 511),
)
def test_a_trial_in_a_window_does_not_wrap_round(depths: list[int], cells: int, tail: int) -> None:
    config = DepthCurveConfig(tail=tail, n_predict=32)
    longest = max(tail, 32)
    found = moved(depths, config, cells)
    assert list(found) == sorted(set(found))
    for depth in depths:
        nearest = max(each for each in found if each <= depth)
        assert depth - nearest < longest
        assert nearest % cells + longest <= cells
