"""Write the answers into docs/queries.md: python -m scripts.write_queries

Each SQL block is asked of the warehouse of `tests/example_fleet.py`, and the text block after it
becomes its answer.
"""

import re
import tempfile
from pathlib import Path

from orchestrator.cli.output import render_arrow
from tests.example_fleet import build
from warehouse.connection import Connection, connect

DOC = Path(__file__).parents[1] / "docs" / "queries.md"
_ASKED = re.compile(r"```sql\n(?P<sql>.*?)```\n\n```text\n.*?```", re.DOTALL)


def answered(text: str, connection: Connection) -> str:
    """The document with the answers of now."""

    def block(found: re.Match[str]) -> str:
        answer = render_arrow(connection.query(found["sql"]), "table")
        lines = "\n".join(line.rstrip() for line in answer.splitlines())
        return f"```sql\n{found['sql']}```\n\n```text\n{lines}\n```"

    return _ASKED.sub(block, text)


def main() -> None:
    """Write the document anew."""
    with tempfile.TemporaryDirectory() as folder:
        build(folder)
        with connect(folder) as connection:
            DOC.write_text(answered(DOC.read_text(), connection))


if __name__ == "__main__":
    main()
