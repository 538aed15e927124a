import math
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.warehouse_samples import trial
from workers.engine.completion import Answer, Completion, Timings
from workers.measure import MeasureConfig
from workers.spans import SpanSummary
from workers.trials import (
    generation_rate,
    judge,
    prompt_rate,
    trial_row,
    trial_rows,
    with_outliers,
)
from workers.workloads.base import Asked, Measured

PP = Asked("pp512", "pp", 0, prompt_n=512, predicted_n=0, repetition=1, run_order=2)
TG = Asked("tg16", "tg", 0, prompt_n=1, predicted_n=16, repetition=1, run_order=1)
PP_TIMES = Timings(prompt_n=512, cache_n=0, prompt_ms=256.0, predicted_n=1, predicted_ms=0.001)
TG_TIMES = Timings(prompt_n=1, cache_n=0, prompt_ms=9.0, predicted_n=16, predicted_ms=1147.92)


def verdict(asked: Asked, timings: Timings, stop: str = "limit", cut: bool = False) -> str | None:
    return judge(asked, timings, stop_type=stop, truncated=cut)


def test_rates_from_raw_counts() -> None:
    assert prompt_rate(PP_TIMES) == 2000.0
    # The server itself said 13.07 for these figures (shared reference, section 2).
    assert generation_rate(TG_TIMES) == pytest.approx(13.07, abs=0.005)
    assert prompt_rate(Timings()) is None
    assert generation_rate(PP_TIMES) is None
    assert generation_rate(replace(TG_TIMES, predicted_ms=0.0)) is None


@pytest.mark.parametrize(("asked", "timings"), [(PP, PP_TIMES), (TG, TG_TIMES)])
def test_good_trials(asked: Asked, timings: Timings) -> None:
    assert verdict(asked, timings) is None


@pytest.mark.parametrize(
    ("timings", "reason"),
    [
        (replace(TG_TIMES, cache_n=7), "cache_n is 7, asked for 0"),
        (replace(TG_TIMES, cache_n=None), "cache_n is None, asked for 0"),
        (replace(TG_TIMES, prompt_n=4), "prompt_n is 4, asked for 1"),
        (replace(TG_TIMES, predicted_n=15), "predicted_n is 15, asked for 16"),
        (replace(TG_TIMES, prompt_ms=0.0), "no prompt time"),
        (replace(TG_TIMES, prompt_ms=-5.0), "no prompt time"),
        (replace(TG_TIMES, prompt_ms=math.nan), "no prompt time"),
        (replace(TG_TIMES, predicted_ms=-800.0), "no generation time"),
        (replace(TG_TIMES, predicted_ms=math.nan), "no generation time"),
        (replace(TG_TIMES, predicted_ms=0.0), "no generation time"),
    ],
)
def test_wrong_figures(timings: Timings, reason: str) -> None:
    assert verdict(TG, timings) == reason


def test_wrong_end() -> None:
    assert verdict(TG, TG_TIMES, stop="eos") == "stopped by eos, not by the limit asked for"
    assert verdict(TG, TG_TIMES, cut=True) == "the context was full: truncated"


def test_depth_is_what_was_asked_for() -> None:
    deep = replace(TG, depth=4096)
    assert verdict(deep, TG_TIMES) == "cache_n is 0, asked for 4096"
    assert verdict(deep, replace(TG_TIMES, cache_n=4096)) is None


def test_row() -> None:
    start, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    arrivals = ((1, 10.1), (2, 10.2), (3, 10.3), (4, 10.8))
    answer = Answer(replace(TG_TIMES, cache_n=3), "limit", False, arrivals, ())
    measured = Measured(TG, Completion(answer, 10.0, 11.0, start, end))
    row = trial_row("cell", 2, measured, SpanSummary(power_mean_w=250.0, energy_reason="none"))
    assert (row.cell_id, row.attempt, row.depth, row.cache_n) == ("cell", 2, 0, 3)
    assert (row.valid, row.invalid_reason) == (False, "cache_n is 3, asked for 0")
    assert row.ttft_ms == pytest.approx(100)
    assert row.inter_token_p50_ms == pytest.approx(100)
    assert row.inter_token_p99_ms == pytest.approx(492)
    assert (row.pp_tok_s, row.power_mean_w, row.energy_j) == (None, 250.0, None)
    assert row.tg_tok_s == pytest.approx(13.07, abs=0.005)
    assert (row.started_at, row.ended_at) == (start, end)


def test_marks_make_invalid_what_the_policy_says() -> None:
    def against(*invalid_when: str) -> str | None:
        return judge(
            TG,
            TG_TIMES,
            stop_type="limit",
            truncated=False,
            marks=("throttled", "host_busy"),
            invalid_when=invalid_when,
        )

    assert against("throttled", "clock_drop") == "disturbed: throttled"
    assert against("host_busy", "throttled") == "disturbed: throttled, host_busy"
    assert against("clock_drop") is None


def test_a_wrong_count_is_told_before_a_mark() -> None:
    reason = judge(
        TG,
        replace(TG_TIMES, cache_n=7),
        stop_type="limit",
        truncated=False,
        marks=("throttled",),
        invalid_when=("throttled",),
    )
    assert reason == "cache_n is 7, asked for 0"


def test_rows_of_a_cell_are_judged_against_each_other() -> None:
    """Three trials of a step, the second at a lower clock, the third beside another process."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    answer = Answer(TG_TIMES, "limit", False, (), ())
    measured = [
        Measured(replace(TG, repetition=n), Completion(answer, 10.0, 11.0, now, now))
        for n in (1, 2, 3)
    ]
    spans = [
        SpanSummary(clock_mean_mhz=1980.0),
        SpanSummary(clock_mean_mhz=1500.0, throttle_reasons="sw_power_cap"),
        SpanSummary(clock_mean_mhz=1975.0, foreign_gpu_pids="77", host_busy_pct=1.0),
    ]
    rows = trial_rows("cell", 1, measured, spans, MeasureConfig())
    assert [(row.disturbed, row.valid, row.invalid_reason) for row in rows] == [
        (None, True, None),
        ("clock_drop", False, "disturbed: clock_drop"),
        ("foreign_gpu", True, None),
    ]
    assert rows[2].foreign_gpu_pids == "77"
    strict = MeasureConfig(invalid_when=["foreign_gpu"], clock_drop_pct=50.0)
    assert [row.valid for row in trial_rows("cell", 1, measured, spans, strict)] == [
        True,
        True,
        False,
    ]


def test_outliers_are_marked_by_step_and_depth_and_kept() -> None:
    speeds = [40.0, 40.4, 39.8, 40.1, 20.0, 40.2]
    steps = [trial("c", tg_tok_s=speed, depth=512) for speed in speeds]
    lost = trial("c", tg_tok_s=1.0, depth=512, valid=False)
    elsewhere = [trial("c", tg_tok_s=speed, depth=0) for speed in (90.0, 91.0)]
    found = with_outliers([*steps, lost, *elsewhere])
    assert [row.outlier for row in found] == [
        *(False, False, False, False, True, False),
        None,
        *(False, False),
    ]
    assert [row.tg_tok_s for row in found] == [*speeds, 1.0, 90.0, 91.0]
    assert all(row.valid for row in found if row is not found[6])
