"""docs/agents.md has the tasks of now."""

from scripts.write_tasks import DOC, written
from workers.agent.suite.catalogue import TASKS


def test_the_table_is_that_of_now() -> None:
    text = DOC.read_text()
    assert written(text) == text
    assert [line.split("`")[1] for line in text.splitlines() if line.startswith("| `")] == [*TASKS]


def test_what_stands_around_the_table_is_kept() -> None:
    text = DOC.read_text()
    stale = text.replace("| `l0_iso_date` |", "| `l0_gone` |")
    assert stale != text
    assert written(stale) == text
