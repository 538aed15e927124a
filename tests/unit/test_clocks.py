from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from orchestrator.fleet.clocks import by_clock_of_driver, clock_words
from tests.unit.orchestrator_samples import START, host
from tests.warehouse_samples import cell, planned, sweep, warehouse
from warehouse.connection import connect
from workers.look import HostReport

REPORT = HostReport(host("beta", seen_at=START), (), (), 1e4, told_at=START + timedelta(seconds=5))


def test_a_clock_that_is_off_is_told_and_does_not_date_the_host() -> None:
    for hours, side in ((48, "ahead of"), (-48, "behind")):
        off = timedelta(hours=hours)
        there = replace(REPORT, host=replace(REPORT.host, seen_at=START + off),
                        told_at=REPORT.told_at + off)  # fmt: skip
        seen = by_clock_of_driver(there, REPORT.told_at).host
        assert (seen.seen_at, seen.clock_offset_s) == (START, hours * 3600)
        told = clock_words(seen)
        assert told
        assert told.startswith(f"the clock of beta is 48 h 00 min {side} this host's")


def test_a_right_clock_is_no_matter() -> None:
    late = by_clock_of_driver(REPORT, REPORT.told_at + timedelta(seconds=2)).host
    assert late.clock_offset_s == -2
    assert clock_words(late) is None
    assert clock_words(REPORT.host) is None, "this host itself"


def test_a_cached_cell_is_found_whatever_the_clock_of_its_host(tmp_path: Path) -> None:
    """It ended two days after the sweep that found it cached began, by its host's clock."""
    store = warehouse(tmp_path)
    ahead = timedelta(days=2)
    first = sweep("w1", started_at=START)
    later = sweep("w2", started_at=START + timedelta(hours=1))
    store.write_sweep(first, [planned("c1", sweep_id="w1")], [], [], [])
    store.commit_cell(
        cell("c1", sweep_id="w1", started_at=START + ahead, ended_at=START + ahead, host_id="beta")
    )
    store.write_sweep(later, [planned("c1", sweep_id="w2", decision="cached")], [], [], [])
    with connect(tmp_path) as connection:
        rows = connection.query(
            "SELECT outcome, cached_as, host_id, attempt FROM outcomes WHERE sweep_id = 'w2'"
        ).to_pylist()
    assert rows == [{"outcome": "cached", "cached_as": "ok", "host_id": "beta", "attempt": 1}]
