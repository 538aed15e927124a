"""`docs/queries.md`: every question is asked, and its answer is the one that is written there."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scripts.write_queries import DOC, Asked, answer, questions
from tests.example_fleet import build, build_fleet, build_record
from warehouse.connection import Connection, connect
from warehouse.storage import Place

ASKED = questions(DOC.read_text())
BUILDERS: dict[str, Callable[[Place], None]] = {
    "February": build_record,
    "generated": build_fleet,
    "February and generated": build,
}


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Connection]]:
    """A warehouse of each origin."""
    found = {}
    for of, write in BUILDERS.items():
        root: Path = tmp_path_factory.mktemp("queries") / of
        write(root)
        found[of] = connect(root)
    yield found
    for each in found.values():
        each.close()


def test_there_are_25_questions() -> None:
    numbers = [each.question.partition(".")[0] for each in ASKED]
    assert numbers == [str(number) for number in range(1, 26)]
    assert DOC.read_text().count("```sql") == 25


@pytest.mark.parametrize("asked", ASKED, ids=lambda each: each.question)
def test_the_answer_is_that_of_now(asked: Asked, opened: dict[str, Connection]) -> None:
    assert answer(opened["February and generated"], asked.sql) == asked.answer


@pytest.mark.parametrize("asked", ASKED, ids=lambda each: each.question)
def test_the_answer_holds_the_numbers_that_it_is_marked_with(
    asked: Asked, opened: dict[str, Connection]
) -> None:
    assert answer(opened[asked.of], asked.sql) == asked.answer
    assert asked.answer.count("\n") > 1, "an answer without rows"
