from dataclasses import replace
from typing import Any

import pytest

from orchestrator.forecast import Forecaster
from orchestrator.history import setting_of
from orchestrator.host_view import HostView
from orchestrator.measured import CellFacts, MeasuredCell, workload_tokens
from orchestrator.placement import Planned
from orchestrator.plan import check_flags, make_plan
from tests.unit.orchestrator_samples import (
    ENGINE,
    KNOWN_FLAGS,
    SHA256,
    build,
    device,
    gpu,
    plan_of,
    planned,
    spec,
    view,
)
from warehouse.errors import ConfigError
from warehouse.ledger import Attempt, Ledger
from workers.workloads.speed.config import SpeedConfig

LONG = SpeedConfig(prompt_sizes=[2048])
TWO_GPUS = view(
    engine=build(device(0), device(1)), hardware_class="two cards", gpus=(gpu(0), gpu(1))
)
CELL = planned()


def test_a_cell_is_placed_with_everything_that_its_launch_needs() -> None:
    cell = planned(spec(pairing="auto", split=(14.0, 10.0)), TWO_GPUS)
    assert (cell.decision, cell.reason) == ("run", None)
    assert (cell.hosts, cell.hardware_class) == (("alpha",), "two cards")
    assert cell.pairing.pattern == "all"
    assert [each.name for each in cell.pairing.devices] == ["CUDA0", "CUDA1"]
    assert cell.pairing.split == (14.0, 10.0)
    assert cell.pairing.gpu_uuids == ("GPU-0", "GPU-1")
    assert cell.file.path == "/models/Q4_1.gguf"
    assert cell.build == TWO_GPUS.engines[ENGINE.probe_key]


@pytest.mark.parametrize(
    ("asked", "resolved"), [((0, 0), (4, 4)), ((2, 0), (2, 2)), ((0, 8), (4, 8)), ((1, 3), (1, 3))]
)
def test_threads_are_the_hosts_cores_where_nothing_is_asked(
    asked: tuple[int, int], resolved: tuple[int, int]
) -> None:
    engine = replace(ENGINE, threads=asked[0], threads_batch=asked[1])
    cell = planned(spec(engine=engine), view(cpu_physical_cores=4))
    assert (cell.engine.threads, cell.engine.threads_batch) == resolved


def test_hosts_of_one_class_share_a_cell_and_unlike_classes_measure_each() -> None:
    hosts = (view("alpha"), view("gamma", hardware_class="other"), view("beta"))
    shared, other = plan_of(spec(), hosts=hosts).cells
    assert (shared.hosts, other.hosts) == (("alpha", "beta"), ("gamma",))
    assert other.hardware_class == "other"
    assert shared.cell_id != other.cell_id


def test_what_is_asked_twice_is_planned_once_as_first_asked() -> None:
    first = spec(other_axes=(("plan.max_attempts", 1),))
    plan = plan_of(first, spec(context=8192), spec())
    assert [cell.spec for cell in plan.cells] == [first, spec(context=8192)]


def test_cells_of_a_file_come_together_then_those_of_a_server() -> None:
    asked = [
        spec(),
        spec(quant="Q8_0"),
        spec(context=8192),
        spec(quant="Q8_0", workload=LONG),
        spec(workload=LONG),
    ]
    plan = plan_of(*asked)
    assert [cell.spec for cell in plan.cells] == [asked[i] for i in (0, 4, 2, 1, 3)]


def test_cells_of_a_server_share_a_launch() -> None:
    plan = plan_of(spec(), spec(context=8192), spec(workload=LONG))
    first, second = plan.launches()
    assert [cell.spec.workload for cell in first.cells] == [SpeedConfig(), LONG]
    assert len({cell.server.server_id for cell in first.cells}) == 1
    assert len({cell.cell_id for cell in first.cells}) == 2
    assert first.first == plan.cells[0]
    assert [cell.spec.context for cell in second.cells] == [8192]


def test_only_what_is_to_run_is_launched() -> None:
    asked = (spec(), spec(pairing="single"), spec(workload=LONG))
    plan = plan_of(*asked, attempts=(Attempt(CELL.cell_id, 1, "ok", None),))
    assert [(c.decision, plan.count(c.decision)) for c in plan.cells] == [
        ("cached", 1),
        ("run", 1),
        ("pruned", 1),
    ]
    (launch,) = plan.launches()
    assert [cell.spec for cell in launch.cells] == [asked[2]]


def test_a_pairing_that_does_not_fit_is_pruned_and_says_why() -> None:
    cell = planned(spec(pairing="pair"), view(engine=build(device(0))))
    assert cell.decision == "pruned"
    assert cell.reason == "pairing pair needs 2 GPU(s), the engine sees 1"
    assert (cell.pairing.pattern, cell.pairing.devices) == ("pair", ())


@pytest.mark.parametrize("patterns", [("cpu", "single", "pair"), ("pair", "single", "cpu")])
def test_a_pruned_cell_hides_no_other(patterns: tuple[str, ...]) -> None:
    plan = plan_of(*(spec(pairing=pattern) for pattern in patterns))
    decisions = {cell.pairing.pattern: cell.decision for cell in plan.cells}
    assert decisions == {"cpu": "run", "single": "pruned", "pair": "pruned"}


@pytest.mark.parametrize(
    ("attempt", "decision", "reason"),
    [
        (("ok", None), "cached", "measured in attempt 3"),
        (("failed", "oom_context"), "cached", "failed for good in attempt 3: oom_context"),
        (("failed", "bad_model"), "cached", "failed for good in attempt 3: bad_model"),
        (("failed", "crash"), "run", None),
        (("failed", "host_lost"), "run", None),
        (("failed", "missing_model"), "run", None),
        (("cancelled", None), "run", None),
    ],
)
def test_what_is_known_or_failed_for_good_is_cached(
    attempt: tuple[str, str | None], decision: str, reason: str | None
) -> None:
    done = Attempt(CELL.cell_id, 3, *attempt)
    (cell,) = plan_of(spec(), attempts=(done,)).cells
    assert (cell.decision, cell.reason) == (decision, reason)
    (forced,) = plan_of(spec(), attempts=(done,), force=True).cells
    assert (forced.decision, forced.reason) == ("run", None)


def test_force_runs_nothing_that_does_not_fit() -> None:
    (cell,) = plan_of(spec(pairing="single"), force=True).cells
    assert cell.decision == "pruned"


@pytest.mark.parametrize("host", [view(sha256={}), view(engine=None)])
def test_without_its_file_or_engine_a_cell_runs_into_a_row_and_is_never_cached(
    host: HostView,
) -> None:
    attempt = Attempt(planned(spec(), host).cell_id, 1, "ok", None)
    (cell,) = plan_of(spec(), hosts=(host,), attempts=(attempt,)).cells
    assert (cell.decision, cell.reason) == ("run", None)


def test_quants_that_are_nowhere_stay_apart() -> None:
    cells = plan_of(spec(), spec(quant="Q8_0"), hosts=(view(sha256={}),)).cells
    assert len({cell.cell_id for cell in cells}) == 2


def knowing(*without: str) -> HostView:
    return view(engine=build(known_flags=KNOWN_FLAGS - set(without)))


def test_a_build_that_knows_every_flag_passes() -> None:
    check_flags(plan_of(spec()))


@pytest.mark.parametrize(
    ("flag", "field"),
    [
        ("--slot-prompt-similarity", "slot_prompt_similarity"),
        ("--no-context-shift", "context_shift"),
        ("--poll", "poll"),
    ],
)
def test_a_flag_that_the_build_lacks_names_build_flag_and_way_out(flag: str, field: str) -> None:
    plan = plan_of(spec(), hosts=(knowing(flag),))
    with pytest.raises(ConfigError) as told:
        check_flags(plan)
    assert str(told.value) == (
        f"/opt/llama-server (build 1, commit 7e4c0a9) does not know {flag}:"
        f" leave it out with engine.{field}=null"
    )
    left_out: dict[str, Any] = {field: None}
    without = spec(engine=replace(ENGINE, **left_out))
    check_flags(plan_of(without, hosts=(knowing(flag),)))


def test_an_argument_of_the_users_own_that_the_build_lacks_is_named() -> None:
    plan = plan_of(spec(engine=replace(ENGINE, args=["--warmpu", "1"])))
    with pytest.raises(ConfigError, match=r"not know --warmpu: take --warmpu out of engine\.args"):
        check_flags(plan)


def test_flags_of_cells_that_do_not_run_are_not_checked() -> None:
    host = knowing("--poll")
    check_flags(plan_of(spec(pairing="single"), hosts=(host,)))
    done = Attempt(planned(spec(), host).cell_id, 1, "ok", None)
    check_flags(plan_of(spec(), hosts=(host,), attempts=(done,)))
    check_flags(plan_of(spec(), hosts=(view(engine=None),)))


UNLIKE = view(
    "box",
    engine=build(device(0), device(1), device(2, "GTX 1050")),
    hardware_class="unlike",
)


def test_every_distinct_pairing_of_unlike_cards_is_a_cell() -> None:
    cells = plan_of(spec(pairing="every"), hosts=(UNLIKE,)).cells
    assert [cell.pairing.pattern for cell in cells] == [
        "RTX 3060",
        "GTX 1050",
        "2x RTX 3060",
        "RTX 3060 + GTX 1050",
        "2x RTX 3060 + GTX 1050",
    ]
    assert len({cell.cell_id for cell in cells}) == 5


def test_a_pairing_over_two_hosts_is_planned_not_run() -> None:
    far = view("far", engine=build(device(0)), hardware_class="other")
    asked = spec(pairing="RTX 3060 + RTX 3060@far", split=(2.0, 1.0))
    near, *_ = plan_of(asked, hosts=(UNLIKE, far)).cells
    assert (near.decision, near.reason) == ("pruned", "running over two hosts comes later")
    assert [each.host_id for each in near.pairing.remote] == ["far"]
    alone = planned(spec(pairing="RTX 3060"), UNLIKE)
    assert near.cell_id != alone.cell_id


def test_long_work_comes_first_and_the_end_is_foretold() -> None:
    def measured(cell: Planned, seconds: float) -> MeasuredCell:
        facts = CellFacts(
            cell.cell_id, "tiny", cell.spec.quant, 100, cell.spec.context, "f16", "f16",
            setting_of(cell.server.config),
            workload_tokens("speed", cell.workload, cell.spec.context),
        )  # fmt: skip
        return MeasuredCell(facts, 10.0, 100.0, seconds, 500.0)

    asked = (spec(context=1024), spec(context=2048), spec(quant="Q8_0"))
    short, long, other = plan_of(*asked).cells
    forecaster = Forecaster([measured(short, 5), measured(long, 60), measured(other, 20)])
    plan = make_plan(asked, (view(),), Ledger(), force=False, forecaster=forecaster)
    assert [cell.cell_id for cell in plan.cells] == [long.cell_id, short.cell_id, other.cell_id]
    assert plan.estimate().seconds == pytest.approx(60 + 5 + 20 + 3 * 0.5)
    assert [cell.forecast.tg_tok_s for cell in plan.cells if cell.forecast] == [10.0] * 3


def test_launches_of_a_cell_come_in_rounds() -> None:
    plan = plan_of(spec(launches=3), spec(context=8192, launches=2))
    rounds = [launch.first.spec.context for launch in plan.launches()]
    assert sorted(rounds[:2]) == [4096, 8192]
    assert rounds[2:4] == rounds[:2]
    assert rounds[4:] == [4096]
    assert plan.total == 5


def test_launches_that_are_measured_are_not_asked_for_again() -> None:
    cell_id = planned().cell_id
    attempts = (Attempt(cell_id, 1, "ok", None), Attempt(cell_id, 2, "failed", "crash"))
    (again,) = plan_of(spec(launches=3), attempts=attempts).cells
    assert (again.decision, again.launches) == ("run", 2)
    (whole,) = plan_of(spec(), attempts=attempts).cells
    assert (whole.decision, whole.reason) == ("cached", "measured in attempt 1")
    (forced,) = plan_of(spec(launches=3), attempts=attempts, force=True).cells
    assert (forced.decision, forced.launches) == ("run", 3)


def test_hosts_of_a_class_with_other_builds_share_no_cells() -> None:
    other = build(sha256="e2" * 32)
    hosts = (view("alpha"), view("beta"), view("gamma", engine=other))
    cells = plan_of(spec(), hosts=hosts).cells
    assert sorted(cell.hosts for cell in cells) == [("alpha", "beta"), ("gamma",)]


def test_a_host_that_differs_in_another_file_shares_the_cell() -> None:
    """beta has another Q8_0; the cell is of Q4_1."""
    beta = view("beta", sha256={**SHA256, "Q8_0": "81" * 32})
    (cell,) = plan_of(spec(), hosts=(view("alpha"), beta)).cells
    assert cell.hosts == ("alpha", "beta")
