"""Names of people, each given once in a world."""

from pathlib import Path

from workers.agent.world.draw import Draw

_LISTS = Path(__file__).parent.parent / "texts" / "names.txt"
"""First names, an empty line, last names."""


class Names:
    """Names of one world; none is given twice, first and last names included."""

    def __init__(self, seed: int) -> None:
        draw = Draw(seed, "names")
        first, last = (part.split() for part in _LISTS.read_text("utf-8").split("\n\n"))
        self._first = draw.several(first, len(first))
        self._last = draw.several(last, len(last))

    def person(self) -> str:
        """First and last name."""
        return f"{self._first.pop()} {self._last.pop()}"
