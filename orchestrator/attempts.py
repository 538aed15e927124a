"""Numbers of attempts: no two at one cell are the same, also when two hosts have it at once."""

from collections import defaultdict

from warehouse.ledger import Ledger


class Attempts:
    """Gives out numbers after those that the warehouse holds."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._taken: defaultdict[str, set[int]] = defaultdict(set)

    def take(self, cell_id: str) -> int:
        """The least number that is free."""
        number, taken = self._ledger.next_attempt(cell_id), self._taken[cell_id]
        while number in taken:
            number += 1
        taken.add(number)
        return number

    def give_back(self, cell_id: str, number: int) -> None:
        """It was not used: no row has it."""
        self._taken[cell_id].discard(number)
