import pytest

from orchestrator.plan import PlannedLaunch
from orchestrator.schedule import Assignment, again, next_assignment, tries_again, without
from tests.unit.orchestrator_samples import plan_of, spec, view
from warehouse.ledger import FAILED_FOR_GOOD
from workers.failures import FailureClass
from workers.workloads.speed.config import SpeedConfig

HOSTS = (
    view("alpha"),
    view("beta", hardware_class="other"),
    view("gamma", hardware_class="other"),
)
# alpha's two contexts and those of beta and gamma's class, in the order of the plan
QUEUE = plan_of(spec(), spec(context=8192), hosts=HOSTS).launches()
ON_ALPHA = [launch for launch in QUEUE if launch.first.hosts == ("alpha",)]
ON_OTHER = [launch for launch in QUEUE if launch.first.hosts == ("beta", "gamma")]


def test_the_first_launch_goes_to_a_free_host_of_its_class() -> None:
    assert next_assignment(ON_OTHER, {"gamma", "beta"}) == Assignment(ON_OTHER[0], "beta")
    assert next_assignment(ON_OTHER, {"gamma", "alpha"}) == Assignment(ON_OTHER[0], "gamma")


def test_a_launch_whose_hosts_are_busy_holds_nobody_up() -> None:
    queue = [*ON_ALPHA, *ON_OTHER]
    assert next_assignment(queue, {"gamma"}) == Assignment(ON_OTHER[0], "gamma")


def test_nothing_is_assigned_without_a_free_host_or_work_for_it() -> None:
    assert next_assignment(QUEUE, set()) is None
    assert next_assignment((), {"alpha", "beta"}) is None
    assert next_assignment(ON_ALPHA, {"beta", "gamma"}) is None


@pytest.mark.parametrize(
    "failure", ["crash", "start_timeout", "run_timeout", "request_error", "host_lost", "gpu_busy"]
)
def test_what_may_pass_is_tried_again_up_to_the_limit(failure: str) -> None:
    given = FailureClass(failure)
    assert [tries_again(given, tries, 3) for tries in (1, 2, 3, 4)] == [True, True, False, False]
    assert not tries_again(given, 1, 1)


@pytest.mark.parametrize(
    "failure", [*sorted(FAILED_FOR_GOOD), "missing_model", "device_missing", "engine_missing"]
)
def test_what_somebody_has_to_act_on_is_not_tried_again(failure: str) -> None:
    assert not tries_again(FailureClass(failure), 1, 9)


def test_a_cell_that_is_tried_again_gets_a_server_of_its_own() -> None:
    (shared,) = plan_of(spec(), spec(workload=SpeedConfig(seed=1))).launches()
    assert [again(cell) for cell in shared.cells] == [PlannedLaunch((c,)) for c in shared.cells]


def test_a_cell_that_failed_for_good_leaves_the_queue() -> None:
    plan = plan_of(spec(launches=2), spec(launches=2, workload=SpeedConfig(n_predict=7)))
    first, second = plan.launches()[0].cells
    left = without(plan.launches(), first.cell_id)
    assert [launch.cells for launch in left] == [(second,), (second,)]
    assert without(left, second.cell_id) == []
