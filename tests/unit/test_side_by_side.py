from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from orchestrator.calibrate import calibrating
from orchestrator.calibration_rows import calibration_rows
from orchestrator.config import HerdConfig
from orchestrator.host_view import HostView
from orchestrator.launch_speeds import LaunchSpeeds
from orchestrator.leases import HostState
from orchestrator.plan import PlannedLaunch, make_plan
from orchestrator.rules import Rules
from orchestrator.schedule import Schedule
from orchestrator.session import Command
from orchestrator.side_by_side import groups_of, read_undisturbed
from tests.unit.fleet_samples import gpu_host, launches, on
from tests.unit.orchestrator_samples import plan_of
from tests.unit.speeds_samples import speeds
from tests.warehouse_samples import warehouse
from warehouse.connection import connect
from warehouse.ledger import Attempt, Ledger

A = gpu_host("a", "RTX 3060", "RTX 3060", "GTX 1050")
TWO = on("RTX 3060", beside=2, launches=3)
ALONE = (98.0, 100.0, 102.0)


def runs(queue: Sequence[PlannedLaunch], host: HostView, rules: Rules) -> list[list[str]]:
    """Groups of launches that a host starts at once: the cells' companies and their GPUs."""
    made = Schedule(queue, rules)
    made.set_host(HostState(host))
    seen, now_s = [], 0.0
    while running := made.assign(now_s):
        seen.append(sorted(f"{each.launch.beside} {each.lease.gpu_uuids[0]}" for each in running))
        now_s += 1
        for each in running:
            made.release(each, now_s, measured=True)
    return seen


def test_alone_and_side_by_side_take_turns_on_a_host_that_is_not_shared() -> None:
    (command,) = [calibrating(Command("calibrate", (), HerdConfig(), (TWO,)))]
    assert [cell.beside for cell in command.cells] == [1, 2]
    assert dict(command.cells[1].other_axes) == {"plan.beside": 2}
    queue = launches(command.cells, A)
    together = ["2 a-0", "2 a-1"]
    assert runs(queue, A, Rules()) == [["1 a-0"], together] * 3


def test_a_calibrated_host_runs_as_many_as_it_was_calibrated_with() -> None:
    four = gpu_host("a", *["RTX 3060"] * 4)
    queue = launches([on("single", 1024 * number) for number in range(1, 5)], four)
    class_ = four.host.hardware_class
    for allowed, widths in (
        ({}, [1, 1, 1, 1]),
        ({("a", class_): 2}, [2, 2]),
        ({("a", "as it was before"): 2}, [1, 1, 1, 1]),
        ({("b", class_): 2}, [1, 1, 1, 1]),
    ):
        assert [len(each) for each in runs(queue, four, Rules(undisturbed=allowed))] == widths


def test_company_is_another_cell_and_needs_room() -> None:
    alone, company = (plan_of(replace(TWO, beside=n), hosts=(A,)).cells[0] for n in (1, 2))
    assert alone.server.server_id != company.server.server_id
    assert (alone.launches, company.launches) == (3, 6)
    for pairing, said in (
        ("GTX 1050", "plan.beside=2 needs 2x NVIDIA GeForce GTX 1050, the engine sees 1"),
        ("cpu", "plan.beside=2: what uses the CPU has its host to itself"),
    ):
        (cell,) = plan_of(replace(TWO, pairing=pairing), hosts=(A,)).cells
        assert (cell.decision, cell.reason) == ("pruned", said)
    # a sweep that goes on has whole groups left
    before = Ledger([Attempt(company.cell_id, number, "ok", None) for number in (1, 2, 3)])
    (left,) = make_plan([TWO], [A], before, force=False).cells
    assert (left.decision, left.launches) == ("run", 4)


def company(*values: float, after_s: float, lasts_s: float = 30.0) -> LaunchSpeeds:
    one = speeds(*values, server={"beside": 2})
    start = one.started_at.replace(minute=0, second=0) + timedelta(seconds=after_s)
    return replace(one, started_at=start, ended_at=start + timedelta(seconds=lasts_s))


def test_only_what_had_company_counts() -> None:
    pair = [company(1.0, after_s=0), company(1.0, after_s=2)]
    lonely = [company(1.0, after_s=40), company(1.0, after_s=60)]
    assert groups_of([*pair, *lonely]) == [tuple(pair)]
    assert groups_of(pair[:1]) == []
    assert groups_of([]) == []


@pytest.mark.parametrize(("slower", "agrees"), [(1.0, True), (0.9, False)])
def test_what_side_by_side_costs_is_a_row_and_allows_it_or_not(
    slower: float, agrees: bool, tmp_path: Path
) -> None:
    found = []
    for number, value in enumerate(ALONE):
        found.append(speeds(value))
        found += [company((value + off) * slower, after_s=100.0 * number) for off in (-0.1, 0.1)]
    rows = {row.kind: row for row in calibration_rows(found, "k1")}
    assert set(rows) == {"a_a", "side_by_side"}
    row = rows["side_by_side"]
    assert (row.beside, row.launches, row.agrees) == (2, 3, agrees)
    assert row.difference_pct == pytest.approx(100 * (slower - 1), abs=0.5)
    assert len(row.bench_launch_ids) == 6
    store = warehouse(tmp_path)
    store.write_calibration(tuple(rows.values()))
    with connect(tmp_path) as connection:
        allowed = read_undisturbed(connection)
    assert allowed == ({(row.host_id, row.hardware_class): 2} if agrees else {})
    # the latest one counts
    later = replace(row, calibration_id="k2", calibrated_at=row.calibrated_at + timedelta(days=1))
    store.write_calibration([replace(later, agrees=not agrees)])
    with connect(tmp_path) as connection:
        assert bool(read_undisturbed(connection)) is not agrees
