"""docs/agents.md has the tasks of now."""

from scripts.write_tasks import BEGIN, DOC, END, written
from workers.agent.suite.catalogue import TASKS


def test_the_table_is_that_of_now() -> None:
    text = DOC.read_text()
    assert written(text) == text
    table = text.partition(BEGIN)[2].partition(END)[0]
    assert [line.split("`")[1] for line in table.splitlines() if line.startswith("| `")] == [*TASKS]


def test_what_stands_around_the_table_is_kept() -> None:
    text = DOC.read_text()
    stale = text.replace("| `l0_iso_date` |", "| `l0_gone` |")
    assert stale != text
    assert written(stale) == text
