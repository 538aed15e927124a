from orchestrator.health import Health
from workers.failures import Failure, FailureClass

CRASH = Failure(FailureClass.CRASH, "CUDA error: unspecified launch failure")
LOST = Failure(FailureClass.HOST_LOST, "the worker is gone")
OOM = Failure(FailureClass.OOM_LOAD, "out of memory")


def failing(health: Health, cells: str, failure: Failure = CRASH, host: str = "a") -> list[bool]:
    return [health.ended(host, cell, failure, 0.0) is not None for cell in cells]


def test_a_host_that_fails_three_cells_in_a_row_gets_nothing_and_the_reason_is_said() -> None:
    health = Health(quarantine_s=60)
    assert failing(health, "xyz") == [False, False, True]
    reason = health.quarantined("a", 1.0)
    assert reason == f"3 cells in a row failed: crash, {CRASH.reason}"
    assert health.quarantined("b", 1.0) is None


def test_a_success_or_a_failure_of_the_cell_itself_begins_the_row_anew() -> None:
    for between in (None, OOM):
        health = Health(quarantine_s=60)
        failing(health, "xy")
        health.ended("a", "w", between, 0.0)
        assert failing(health, "zu") == [False, False]
        assert failing(health, "v") == [True]


def test_one_cell_that_fails_again_and_again_is_no_row_of_cells() -> None:
    assert failing(Health(quarantine_s=60), "xxxx") == [False] * 4


def test_a_cell_that_several_hosts_fail_is_at_fault_itself() -> None:
    health = Health(quarantine_s=60)
    failing(health, "xyz", host="b")
    assert health.quarantined("b", 1.0)
    assert failing(health, "xyz") == [False] * 3
    assert health.is_cells_fault("x")
    assert not health.is_cells_fault("w")


def test_after_its_time_a_host_is_tried_with_one_cell() -> None:
    health = Health(quarantine_s=60)
    failing(health, "xyz")
    assert health.quarantined("a", 59.0)
    assert health.quarantined("a", 60.0) is None
    assert health.ended("a", "w", CRASH, 61.0)
    assert health.quarantined("a", 120.0)
    assert health.quarantined("a", 121.0) is None
    assert health.ended("a", "w", None, 122.0) is None
    assert failing(health, "uv") == [False, False]


def test_a_host_that_comes_back_starts_anew_unless_it_is_lost_again_and_again() -> None:
    for failure, starts_anew in ((CRASH, True), (LOST, False)):
        health = Health(quarantine_s=60)
        failing(health, "xyz", failure)
        health.joined("a")
        assert (health.quarantined("a", 1.0) is None) is starts_anew
