from orchestrator.attempts import Attempts
from warehouse.ledger import Attempt, Ledger


def test_two_hosts_at_one_cell_have_numbers_of_their_own() -> None:
    attempts = Attempts(Ledger([Attempt("c", 1, "failed", "crash"), Attempt("c", 2, "ok", None)]))
    assert [attempts.take("c"), attempts.take("c"), attempts.take("d")] == [3, 4, 1]


def test_a_number_without_a_row_is_given_out_again() -> None:
    attempts = Attempts(Ledger())
    first, second = attempts.take("c"), attempts.take("c")
    attempts.give_back("c", first)
    assert (attempts.take("c"), attempts.take("c")) == (first, second + 1)
