"""`fleet.each_host`: hosts of one class do not share cells."""

from pathlib import Path

from orchestrator.leases import HostState
from orchestrator.measured_on import MeasuredOn, read_measured_on
from orchestrator.plan import Plan, make_plan
from orchestrator.schedule import Schedule
from tests import warehouse_samples as samples
from tests.unit.fleet_samples import gpu_host, on
from warehouse.connection import connect
from warehouse.ledger import Attempt, Ledger

A, B = gpu_host("a", "RTX 3060"), gpu_host("b", "RTX 3060")


def plan(
    measured_on: MeasuredOn, *attempts: Attempt, launches: int = 1, force: bool = False
) -> Plan:
    cells = [on("single", launches=launches)]
    return make_plan(cells, (A, B), Ledger(attempts), force=force, each_host=measured_on)


def hosts_of(made: Plan) -> list[str | None]:
    return [launch.host for launch in made.launches()]


CELL = plan({}).cells[0].cell_id


def test_every_host_measures_every_cell() -> None:
    assert hosts_of(plan({})) == ["a", "b"]
    assert hosts_of(plan({}, launches=2)) == ["a", "b", "a", "b"]
    assert plan({}, launches=2).total == 4
    made = Schedule(plan({}).launches())
    for host in (A, B):
        made.set_host(HostState(host))
    assert sorted(each.host_id for each in made.assign(0.0)) == ["a", "b"]


def test_what_a_host_has_measured_counts_for_it_alone() -> None:
    ok = Attempt(CELL, 1, "ok", None)
    assert hosts_of(plan({CELL: {"a": 1}}, ok)) == ["b"]
    assert hosts_of(plan({CELL: {"a": 1}}, ok, launches=2)) == ["a", "b", "b"]
    assert hosts_of(plan({CELL: {"a": 1}}, ok, force=True)) == ["a", "b"]
    done = plan({CELL: {"a": 1, "b": 1}}, ok)
    assert done.cells[0].decision == "cached"
    assert done.cells[0].reason == "measured on each host"


def test_what_failed_for_good_is_not_tried_on_each_host() -> None:
    (cell,) = plan({}, Attempt(CELL, 1, "failed", "oom_load")).cells
    assert (cell.decision, cell.reason) == ("cached", "failed for good in attempt 1: oom_load")


def test_what_hosts_have_measured_is_read_from_the_warehouse(tmp_path: Path) -> None:
    warehouse = samples.warehouse(tmp_path)
    for attempt, host, status in [(1, "a", "ok"), (2, "a", "ok"), (3, "b", "failed")]:
        row = samples.cell("x", attempt, host_id=host, status=status)
        warehouse.commit_cell(row, (), ())
    warehouse.commit_cell(samples.cell("y", host_id="b"), (), ())
    with connect(tmp_path) as connection:
        assert read_measured_on(connection) == {"x": {"a": 2}, "y": {"b": 1}}
