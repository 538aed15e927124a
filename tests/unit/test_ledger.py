import pytest

from warehouse.ledger import FAILED_FOR_GOOD, Attempt, Ledger


def ledger(*ends: tuple[int, str, str | None]) -> Ledger:
    return Ledger(Attempt("c1", *end) for end in ends)


def test_an_unknown_cell_must_run_as_attempt_one() -> None:
    empty = Ledger()
    assert empty.cached("c1") is None
    assert empty.next_attempt("c1") == 1
    assert empty.last("c1") is None
    assert empty.latest_ok("c1") is None


def test_attempts_are_numbered_on_in_whatever_order_they_are_found() -> None:
    known = ledger((3, "failed", "crash"), (1, "ok", None), (2, "ok", None))
    assert known.next_attempt("c1") == 4
    assert known.latest_ok("c1") == Attempt("c1", 2, "ok", None)
    assert known.last("c1") == Attempt("c1", 3, "failed", "crash")


def test_a_later_failure_does_not_unmake_a_measurement() -> None:
    assert ledger((1, "ok", None), (2, "failed", "crash")).cached("c1") == "measured in attempt 1"


@pytest.mark.parametrize("failure", sorted(FAILED_FOR_GOOD))
def test_what_failed_for_good_is_cached_with_its_class(failure: str) -> None:
    reason = ledger((1, "failed", "crash"), (2, "failed", failure)).cached("c1")
    assert reason == f"failed for good in attempt 2: {failure}"


@pytest.mark.parametrize(
    "last",
    [(2, "failed", "crash"), (2, "failed", "missing_model"), (2, "cancelled", None)],
)
def test_only_the_last_attempt_decides_whether_to_try_again(
    last: tuple[int, str, str | None],
) -> None:
    assert ledger((1, "failed", "oom_load"), last).cached("c1") is None
