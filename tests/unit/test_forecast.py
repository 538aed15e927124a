from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.forecast import Forecast, Forecaster
from orchestrator.identity import workload_facts
from orchestrator.measured import CellFacts, MeasuredCell, Setting, workload_tokens
from workers.workloads.depth_curve.config import DepthCurveConfig
from workers.workloads.speed.config import SpeedConfig

HERE = Setting("box", ("NVIDIA GeForce RTX 3060",), (1.0,), "{}")
THERE = replace(HERE, hardware_class="lab")
SPEED = workload_tokens("speed", workload_facts(SpeedConfig()), 4096)
"""5 x 512 prompt tokens, 5 x 128 generated."""
TWICE = workload_tokens("speed", workload_facts(SpeedConfig(repetitions=10)), 4096)


def facts(cell_id: str = "asked", **changes: Any) -> CellFacts:
    whole = CellFacts(cell_id, "tiny", "Q4", 1000, 4096, "f16", "f16", HERE, SPEED)
    return replace(whole, **changes)


def cell(
    tg: float | None = 20.0,
    pp: float | None = 200.0,
    seconds: float = 50.0,
    load: float | None = 900.0,
    **changes: Any,
) -> MeasuredCell:
    return MeasuredCell(facts(**{"cell_id": "earlier", **changes}), tg, pp, seconds, load)


def forecast(*history: MeasuredCell, **asked: Any) -> Forecast:
    expected = Forecaster(history).forecast(facts(**asked))
    assert expected is not None
    return expected


def test_nothing_is_made_up() -> None:
    assert Forecaster(()).forecast(facts()) is None
    assert Forecaster([cell(model="other")]).forecast(facts()) is None
    assert Forecaster([cell(setting=THERE)]).forecast(facts()) is None


def test_a_cell_is_as_its_earlier_attempts() -> None:
    history = [cell(tg, seconds=s, cell_id="asked") for tg, s in ((20, 50), (22, 46), (21, 48))]
    expected = forecast(*history, cell(90.0))
    assert (expected.tg_tok_s, expected.pp_tok_s, expected.load_ms) == (21, 200, 900)
    # each attempt is put to the median speed before the median is taken
    assert expected.seconds == pytest.approx(48, rel=0.01)
    assert expected.basis == "this cell: 3 measured"


def test_attempts_without_speed_still_tell_their_time() -> None:
    expected = forecast(cell(None, None, 60.0, cell_id="asked"))
    assert (expected.tg_tok_s, expected.seconds) == (None, 60)


def test_the_same_configuration_tells_other_repetitions_by_their_tokens() -> None:
    expected = forecast(cell(), workload=TWICE)
    assert expected.tg_tok_s == 20
    assert expected.seconds == pytest.approx(100)
    assert expected.basis == "this configuration: 1 measured"


def test_the_time_of_another_workload_tells_nothing() -> None:
    other = workload_tokens("agent", '{"level":1}', 4096)
    expected = forecast(cell(), workload=other)
    assert (expected.tg_tok_s, expected.seconds) == (20, None)


def test_a_neighbouring_quant_counts_by_its_size() -> None:
    near = cell(20.0, quant="Q5", size_bytes=1250)
    far = cell(5.0, quant="F16", size_bytes=4000)
    expected = forecast(far, near)
    assert expected.tg_tok_s == pytest.approx(25)
    assert expected.pp_tok_s == 200
    assert expected.load_ms == pytest.approx(720)
    # of 2560 / 200 + 640 / 20 = 44.8 s for the tokens, 38.4 are left
    assert expected.seconds == pytest.approx(50 * 38.4 / 44.8)
    assert expected.basis == "neighbouring quant: Q5, 1 measured"


def test_a_quant_of_unknown_size_is_no_neighbour() -> None:
    assert Forecaster([cell(quant="Q5", size_bytes=None)]).forecast(facts()) is None
    assert Forecaster([cell(quant="Q5")]).forecast(facts(size_bytes=None)) is None


def test_other_contexts_and_caches_come_next_the_caches_first() -> None:
    long = cell(18.0, context=65536)
    longer = cell(17.0, context=131072)
    near = cell(15.0, cache_v="q4_0")
    expected = forecast(near, longer, long)
    assert (expected.tg_tok_s, expected.seconds) == (18, 50)
    assert expected.basis == "other context or caches: 65536 f16/f16, 1 measured"
    assert forecast(near).basis == "other context or caches: 4096 f16/q4_0, 1 measured"


def test_a_neighbouring_quant_goes_before_other_contexts() -> None:
    neighbour = cell(10.0, quant="Q8", size_bytes=2000)
    assert forecast(cell(18.0, context=8192), neighbour).tg_tok_s == pytest.approx(20)
    both = forecast(cell(10.0, quant="Q8", size_bytes=2000, context=8192))
    assert both.tg_tok_s == pytest.approx(20)
    assert both.basis.startswith("other quant, context or caches: Q8, 8192 f16/f16")


def test_another_host_counts_by_what_was_measured_on_both() -> None:
    both = [("a", 4096), ("b", 4096), ("c", 8192)]
    history = [
        *(cell(10.0, 100.0, 80.0, 500.0, model=m, context=c) for m, c in both),
        *(cell(40.0, 200.0, 20.0, 250.0, model=m, context=c, setting=THERE) for m, c in both),
        cell(60.0, 800.0, 10.0, 300.0, setting=THERE),
    ]
    expected = forecast(*history)
    assert (expected.tg_tok_s, expected.pp_tok_s) == (15, 400)
    assert expected.seconds == pytest.approx(40)
    assert expected.load_ms == 600
    assert expected.basis == (
        "this configuration: 1 measured, on lab, by the ratio of 3 cell(s) measured on both"
    )


def test_another_pairing_of_the_host_is_told_by_its_cards() -> None:
    pair = replace(HERE, devices=HERE.devices * 2, split=(1.0, 1.0))
    history = [cell(model="a"), cell(model="a", setting=pair), cell(setting=pair)]
    assert ", on 2x RTX 3060, by the ratio of 1 " in forecast(*history).basis


def test_the_host_with_most_in_common_is_asked_first_if_it_knows_the_model() -> None:
    third = replace(HERE, hardware_class="third")
    history = [
        *(cell(model=m) for m in "abc"),
        *(cell(model=m, setting=third) for m in "abc"),
        *(cell(10.0, model=m, setting=THERE) for m in "ab"),
        cell(7.0, setting=THERE),
    ]
    assert forecast(*history).tg_tok_s == 14
    assert forecast(*history, cell(99.0, setting=third)).tg_tok_s == 99


@pytest.mark.parametrize(
    ("config", "context", "tokens"),
    [
        (SpeedConfig(), 4096, (5 * 512, 5 * 128)),
        (SpeedConfig(prompt_sizes=[128, 512, 512], repetitions=2), 4096, (2 * 640, 2 * 128)),
        (SpeedConfig(prompt_sizes=[128, 4095, 8192]), 4096, (5 * 128, 5 * 128)),
    ],
)
def test_tokens_are_those_of_the_trials_that_fit(
    config: SpeedConfig, context: int, tokens: tuple[int, int]
) -> None:
    workload = workload_tokens("speed", workload_facts(config), context)
    assert (workload.prompt_tokens, workload.generated_tokens) == tokens


def test_tokens_of_a_depth_curve_are_one_prefill_and_its_trials() -> None:
    config = DepthCurveConfig(
        depths=[0, 1000, "50%", "100%"], tail=500, n_predict=100, min_repetitions=3
    )
    workload = workload_tokens("depth_curve", workload_facts(config), 4096)
    trials = 3 * 3  # 100 % leaves no room
    assert (workload.prompt_tokens, workload.generated_tokens) == (
        2048 + trials * (500 + 1),
        trials * 100,
    )


def test_tokens_of_a_workload_that_does_not_tell_them_are_unknown() -> None:
    workload = workload_tokens("agent", '{"level":1}', 4096)
    assert (workload.prompt_tokens, workload.generated_tokens) == (None, None)


CELLS = st.builds(
    cell,
    tg=st.none() | st.floats(1, 100),
    pp=st.none() | st.floats(1, 1000),
    seconds=st.floats(1, 1000),
    load=st.none() | st.floats(1, 1000),
    model=st.sampled_from(["tiny", "other"]),
    quant=st.sampled_from(["Q4", "Q8"]),
    size_bytes=st.none() | st.sampled_from([1000, 2000]),
    context=st.sampled_from([4096, 8192]),
    cache_v=st.sampled_from(["f16", "q4_0"]),
    setting=st.sampled_from([HERE, THERE]),
    workload=st.sampled_from([SPEED, TWICE]),
)


@given(st.lists(CELLS, max_size=8), st.randoms())
def test_any_history_gives_one_forecast_of_positive_numbers(
    history: list[MeasuredCell], random: Random
) -> None:
    expected = Forecaster(history).forecast(facts())
    if expected is not None:
        numbers = [expected.tg_tok_s, expected.pp_tok_s, expected.seconds]
        assert any(number is not None for number in numbers)
        assert all(number is None or number > 0 for number in [*numbers, expected.load_ms])
    shuffled = list(history)
    random.shuffle(shuffled)
    again = Forecaster(shuffled).forecast(facts())
    assert (again is None) == (expected is None)
    if again and expected:
        assert again.tg_tok_s == pytest.approx(expected.tg_tok_s)
