from collections.abc import Sequence
from typing import Any

from orchestrator.config import HerdConfig
from orchestrator.host_view import Looking
from orchestrator.plan import make_plan
from orchestrator.roster import Roster
from orchestrator.session import Command, Session
from tests.unit.orchestrator_samples import ENGINE, START, build, device, gpu, host, spec
from warehouse.ledger import Ledger
from workers.contract import ModelFile
from workers.engine.build import EngineBuild
from workers.look import FoundModel, HostReport

SPECS = (spec(), spec(context=8192))
LOOKING = Looking(SPECS, None)
BUILD = build()
COMMAND = Command("sweep", (), HerdConfig(), SPECS)


def report(name: str, engine: EngineBuild = BUILD, free: float = 1e4, **changes: Any) -> HostReport:
    file = ModelFile(f"/{name}/Q4_1.gguf", "41" * 32, 7)
    found = FoundModel("Q4_1", file, None)
    return HostReport(
        host(name, **changes), ((ENGINE.probe_key, engine),), (found,), free, told_at=START
    )


def plan(reports: Sequence[HostReport]) -> Session:
    seen = LOOKING.seen(reports)
    ledger = Ledger()
    made = make_plan(seen.cells, seen.views, ledger, force=False)
    return Session(COMMAND, seen.views, seen.models, ledger, made)


def test_a_host_of_a_known_class_brings_no_cells_but_takes_those_there_are() -> None:
    roster = Roster(plan, [report("alpha")])
    change = roster.join(report("beta"))
    assert change.added.cells == ()
    assert [cell.hosts for cell in change.rebound] == [("alpha", "beta")] * 2
    assert [roster.cell(cell.cell_id).hosts for cell in change.rebound] == [("alpha", "beta")] * 2
    assert [row.host_id for row in change.models] == ["beta"]
    assert change.view.models[SPECS[0].file_key].path == "/beta/Q4_1.gguf"


def test_a_host_of_another_class_brings_cells_that_come_after_those_there_are() -> None:
    roster = Roster(plan, [report("alpha")])
    change = roster.join(report("beta", hardware_class="other"))
    assert [cell.hosts for cell in change.added.cells] == [("beta",)] * 2
    assert change.first == 2
    assert [cell.hosts for cell in change.rebound] == [("alpha",)] * 2


def test_where_each_host_measures_one_that_joins_owes_all_cells_and_only_once() -> None:
    def for_each(reports: Sequence[HostReport]) -> Session:
        seen = LOOKING.seen(reports)
        made = make_plan(seen.cells, seen.views, Ledger(), force=False, each_host={})
        return Session(COMMAND, seen.views, seen.models, Ledger(), made)

    roster = Roster(for_each, [report("alpha")])
    change = roster.join(report("beta"))
    assert change.added.cells == ()
    owing = [(launch.host, launch.first.cell_id) for launch in change.owing]
    assert sorted(owing) == sorted(("beta", cell.cell_id) for cell in change.rebound)
    assert len(owing) == 2
    assert roster.join(report("beta")).owing == ()


def test_a_host_that_comes_back_is_the_one_that_it_was() -> None:
    roster = Roster(plan, [report("alpha", free=1e4)])
    change = roster.join(report("alpha", free=9e3))
    assert change.added.cells == ()
    assert change.view.free_ram_mib == 1e4
    changed = roster.join(report("alpha", hardware_class="a card less"))
    assert len(changed.added.cells) == 2
    assert [cell.hosts for cell in changed.rebound] == [()] * 2


def test_cells_that_fit_nobody_wait_for_one_that_they_fit() -> None:
    pairs = Looking([spec(pairing="pair")], None)

    def plan_pairs(reports: Sequence[HostReport]) -> Session:
        seen = pairs.seen(reports)
        made = make_plan(seen.cells, seen.views, Ledger(), force=False)
        return Session(COMMAND, seen.views, seen.models, Ledger(), made)

    roster = Roster(plan_pairs, [report("alpha")])
    assert roster.unplaced == 1
    cards: dict[str, Any] = {"gpus": (gpu(0), gpu(1)), "hardware_class": "two cards"}
    roster.join(report("beta", build(device(0), device(1)), **cards))
    assert roster.unplaced == 0


def test_a_fleet_without_hosts_has_nothing_placed() -> None:
    assert Roster(plan, []).unplaced == 1
