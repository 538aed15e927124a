"""Write the answers into docs/queries.md: python -m scripts.write_queries.

Each SQL block is asked of the warehouse of `tests/example_fleet.py`, and the text block after it
becomes its answer.
"""

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from orchestrator.cli.output import render_arrow
from tests.example_fleet import build
from warehouse.connection import Connection, connect

DOC = Path(__file__).parents[1] / "docs" / "queries.md"
_ASKED = re.compile(
    r"### (?P<question>[^\n]+)\n\n\*(?P<of>[^*]+)\*\n\n"
    r"```sql\n(?P<sql>.*?)```\n\n```text\n(?P<answer>.*?)```",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of the document."""

    question: str
    of: str
    """Whose numbers its answer holds."""
    sql: str
    answer: str


def questions(text: str) -> list[Asked]:
    """The questions of the document, in order."""
    return [Asked(**found.groupdict()) for found in _ASKED.finditer(text)]


def answer(connection: Connection, sql: str) -> str:
    """The answer as the document shows it."""
    shown = render_arrow(connection.query(sql), "table")
    return "".join(f"{line.rstrip()}\n" for line in shown.splitlines())


def answered(text: str, connection: Connection) -> str:
    """The document with the answers of now."""

    def anew(found: re.Match[str]) -> str:
        start, end = found.start("answer") - found.start(), found.end("answer") - found.start()
        return found[0][:start] + answer(connection, found["sql"]) + found[0][end:]

    return _ASKED.sub(anew, text)


def main() -> None:
    """Write the document anew."""
    with tempfile.TemporaryDirectory() as folder:
        build(folder)
        with connect(folder) as connection:
            DOC.write_text(answered(DOC.read_text(), connection))


if __name__ == "__main__":
    main()
