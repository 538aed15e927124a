"""Golden tests of the views concurrency and stability, against plain Python."""

from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
import pytest

from tests.unit.conftest import Ask
from tests.warehouse_samples import cell, load_step, request, stability_round
from warehouse.store import Warehouse

Verdict = Callable[..., str]


class TestConcurrency:
    def test_totals_are_medians_and_more_streams_stop_helping(
        self, store: Warehouse, ask: Ask
    ) -> None:
        totals = {1: [40.0, 42.0], 2: [70.0, 74.0], 4: [96.0, 98.0], 8: [99.0, 101.0]}
        steps = [
            load_step("c1", streams, total_tok_s=each, repetition=n)
            for streams, both in totals.items()
            for n, each in enumerate(both, start=1)
        ]
        asked = [request("c1", streams) for streams in totals]
        store.commit_cell(cell("c1", workload="concurrency"), [], [], [*steps, *asked])
        found = {row["streams"]: row for row in ask("SELECT * FROM concurrency")}
        assert list(found) == [1, 2, 4, 8]
        best = median(totals[8])
        for streams, both in totals.items():
            row, middle = found[streams], median(both)
            spread = 100 * 1.4826 * median([abs(each - middle) for each in both]) / middle
            assert row["total_tok_s"] == middle
            assert row["total_spread_pct"] == pytest.approx(spread)
            assert row["efficiency_pct"] == pytest.approx(100 * middle / (streams * 41.0))
            assert row["of_best_pct"] == pytest.approx(100 * middle / best)
            assert row["repetitions"] == 2
        # 97 of 100 is within 5 %, 72 is not
        assert [streams for streams, row in found.items() if row["enough"]] == [4]

    def test_latencies_are_over_all_valid_requests(self, store: Warehouse, ask: Ask) -> None:
        ttft = [50.0, 80.0, 65.0, 400.0, 55.0]
        queue = [1.0, 2.0, 1.5, 300.0, 1.2]
        speeds = [40.0, 38.0, 39.0, 20.0, 41.0]
        asked = [
            request("c1", 2, ttft_ms=t, queue_ms=q, tg_tok_s=s, request=n)
            for n, (t, q, s) in enumerate(zip(ttft, queue, speeds, strict=True), start=1)
        ]
        asked += [
            request("c1", 2, ttft_ms=1.0, valid=False, invalid_reason="cache_n is 3, asked for 0"),
            request("c1", 2, ttft_ms=None, valid=False, error="busy", invalid_reason="busy"),
        ]
        gaps = [(25.0, 30.0, 90.0), (26.0, 34.0, 70.0), (24.0, 31.0, 80.0)]
        steps = [
            load_step(
                "c1", 2, repetition=n, inter_token_p50_ms=a, inter_token_p95_ms=b,
                inter_token_p99_ms=c,
            )
            for n, (a, b, c) in enumerate(gaps, start=1)
        ]  # fmt: skip
        store.commit_cell(cell("c1", workload="concurrency"), [], [], [*steps, *asked])
        (row,) = ask("SELECT * FROM concurrency")
        for name, values in (("ttft", ttft), ("queue", queue)):
            assert row[f"{name}_p50_ms"] == pytest.approx(np.percentile(values, 50))
            assert row[f"{name}_p95_ms"] == pytest.approx(np.percentile(values, 95))
        assert row["ttft_p99_ms"] == pytest.approx(np.percentile(ttft, 99))
        assert row["stream_tok_s"] == median(speeds)
        assert row["inter_token_p50_ms"] == 25.0
        assert row["inter_token_p95_ms"] == 31.0
        assert row["inter_token_p99_ms"] == 80.0
        assert (row["requests"], row["requests_invalid"], row["errors"]) == (7, 1, 1)
        assert row["efficiency_pct"] is None

    def test_steps_that_do_not_count_give_no_total(self, store: Warehouse, ask: Ask) -> None:
        steps = [
            load_step("c1", 1, total_tok_s=40.0),
            load_step("c1", 2, total_tok_s=900.0, errors=1),
            load_step("c1", 4, total_tok_s=None, valid=False, invalid_reason="cache_n is 3"),
            load_step("c1", 4, total_tok_s=60.0, repetition=2),
        ]
        asked = [request("c1", streams) for streams in (1, 2, 4)]
        store.commit_cell(cell("c1", workload="concurrency"), [], [], [*steps, *asked])
        one, two, four = ask("SELECT * FROM concurrency ORDER BY streams")
        assert (two["total_tok_s"], two["repetitions"], two["repetitions_dropped"]) == (None, 0, 1)
        assert (four["total_tok_s"], four["repetitions"], four["repetitions_dropped"]) == (60, 1, 1)
        assert [row["enough"] for row in (one, two, four)] == [False, False, True]
        assert one["of_best_pct"] == pytest.approx(100 * 40 / 60)

    def test_cells_are_not_mixed(self, store: Warehouse, ask: Ask) -> None:
        for name, total in (("c1", 10.0), ("c2", 80.0)):
            steps = [load_step(name, 1, total_tok_s=total), request(name, 1)]
            store.commit_cell(cell(name, workload="concurrency"), [], [], steps)
        rows = ask("SELECT of_best_pct, enough, requests FROM concurrency")
        assert rows == [{"of_best_pct": 100.0, "enough": True, "requests": 1}] * 2


class TestStability:
    @pytest.fixture
    def verdict(self, store: Warehouse, ask: Ask) -> Verdict:
        def of(*rounds: dict[str, Any], **changes: Any) -> str:
            """The verdict on a cell of these rounds."""
            found = [stability_round("c1", n, **each) for n, each in enumerate(rounds, start=1)]
            values: dict[str, Any] = {"workload": "stability", "context": 4096, **changes}
            store.commit_cell(cell("c1", **values), [], [], found)
            (row,) = ask("SELECT verdict FROM stability")
            return str(row["verdict"])

        return of

    def test_stable(self, verdict: Verdict, ask: Ask) -> None:
        rounds = [
            {"tg_tok_s": 40.0, "pp_tok_s": 210.0},
            # what the first round adds is not a leak, nor are 32 MiB
            {"tg_tok_s": 33.0, "pp_tok_s": 190.0, "private_after_mib": 432.0, "rss_after_mib": 640},
        ]
        assert verdict(*rounds) == "stable"
        (row,) = ask("SELECT * FROM stability")
        assert (row["rounds"], row["rounds_invalid"], row["truncated"]) == (2, 0, False)
        assert row["fill_pct"] == 3687 / 40.96
        assert row["tg_tok_s"] == 36.5
        assert row["tg_spread_pct"] == pytest.approx(100 * 7 / 40)
        assert row["pp_tok_s"] == 200.0
        assert (row["rss_first_mib"], row["rss_last_mib"]) == (600.0, 640.0)
        assert row["private_growth_mib"] == 32.0
        assert row["vram_growth_mib"] is None

    def test_speeds_are_of_valid_rounds(self, verdict: Verdict, ask: Ask) -> None:
        lost = {"valid": False, "invalid_reason": "no fill", "tg_tok_s": 1.0, "pp_tok_s": 1.0}
        assert verdict({"tg_tok_s": 40.0}, {"tg_tok_s": 36.0}, lost) == "no fill"
        (row,) = ask("SELECT tg_tok_s, tg_spread_pct, pp_tok_s, rounds_invalid FROM stability")
        assert (row["tg_tok_s"], row["pp_tok_s"], row["rounds_invalid"]) == (38.0, 200.0, 1)
        assert row["tg_spread_pct"] == pytest.approx(10.0)

    @pytest.mark.parametrize(
        ("second", "against"),
        [
            ({"private_after_mib": 433.0}, "memory grew by 33 MiB"),
            ({"tg_tok_s": 30.0}, "generation speed differs by 25 %"),
            ({"truncated": True}, "truncated"),
            ({"filled_n": 1597, "fill_pct": 39.0}, "filled to 39.0 % only"),
            (
                {"valid": False, "invalid_reason": "fill: cache_n is 0, asked for 512"},
                "fill: cache_n is 0, asked for 512",
            ),
            (
                {"private_after_mib": 500.0, "truncated": True},
                "truncated; memory grew by 100 MiB",
            ),
        ],
    )
    def test_what_speaks_against_it(
        self, verdict: Verdict, second: dict[str, Any], against: str
    ) -> None:
        assert verdict({}, second) == against

    def test_memory_of_the_gpus_is_judged_too(self, verdict: Verdict) -> None:
        first, last = {"vram_after_mib": 9000.0}, {"vram_after_mib": 9040.0}
        assert verdict(first, {"vram_after_mib": 9030.0}, last) == "VRAM grew by 40 MiB"

    def test_a_slot_that_is_smaller_than_the_context(self, verdict: Verdict) -> None:
        said = verdict({}, {}, context=8192)
        assert said == "the slots hold only 4096 of 8192 tokens"

    def test_slots_that_share_the_context_out_hold_it(self, verdict: Verdict) -> None:
        assert verdict({"slots": 2}, {"slots": 2}, context=8192) == "stable"

    def test_a_cell_that_failed_is_not_stable(self, verdict: Verdict, ask: Ask) -> None:
        failed = {"status": "failed", "failure_class": "oom_run", "reason": "out of memory"}
        error = {"valid": False, "error": "it broke", "invalid_reason": "it broke"}
        assert verdict({}, error, **failed) == "oom_run: out of memory"
        (row,) = ask("SELECT failure_class, failed_attempts, rounds FROM stability")
        assert row == {"failure_class": "oom_run", "failed_attempts": 1, "rounds": 2}

    def test_a_cell_without_rounds(self, verdict: Verdict) -> None:
        assert verdict() == "no round was measured"

    def test_an_ok_attempt_counts_for_more_than_a_later_failure(
        self, store: Warehouse, ask: Ask
    ) -> None:
        kind: dict[str, Any] = {"workload": "stability", "context": 4096}
        rounds = [stability_round("c1", n, attempt=2) for n in (1, 2)]
        failed = {"status": "failed", "failure_class": "crash", "reason": "gone"}
        store.commit_cell(cell("c1", 1, **kind, **failed), [], [])
        store.commit_cell(cell("c1", 2, **kind), [], [], rounds)
        store.commit_cell(cell("c1", 3, **kind, status="cancelled"), [], [])
        store.commit_cell(cell("c1", 4, **kind, **failed), [], [])
        (row,) = ask("SELECT attempt, verdict, failed_attempts FROM stability")
        assert row == {"attempt": 2, "verdict": "stable", "failed_attempts": 2}
