import pytest

from orchestrator.retries import tries_again
from warehouse.ledger import FAILED_FOR_GOOD
from workers.failures import FailureClass


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
