"""Long texts: as long as the context takes, with the evidence where it is said to be."""

from collections.abc import Callable

import pytest

from workers.agent.suite.catalogue import TASKS
from workers.agent.suite.l4.logbook import AMBER_DEPTHS, evidence
from workers.agent.suite.spec import PoseContext, TaskClass
from workers.agent.world.making import facts

LONG = [name for name, task in TASKS.items() if task.task_class is TaskClass.LONG_CONTEXT]
WORLD = facts(1)


def by_letters(text: str) -> int:
    return len(text) // 4


def by_words(text: str) -> int:
    return round(1.8 * len(text.split()))


@pytest.mark.parametrize("tokens_of", [by_letters, by_words])
@pytest.mark.parametrize("context_n", [4096, 8192, 40000, 131072])
def test_the_text_fills_the_context_and_stays_within(
    context_n: int, tokens_of: Callable[[str], int]
) -> None:
    context = PoseContext(context_n, tokens_of, answer_n=1024)
    room = context_n - context.answer_n
    for name in LONG:
        posed = TASKS[name].pose(WORLD, 3, context)
        assert 0.9 * room < posed.text_n <= 0.95 * room
        assert tokens_of(posed.prompt) <= context_n - context.answer_n // 2
        assert tokens_of(posed.prompt) - posed.text_n < 120


def test_more_room_for_answers_makes_the_text_shorter() -> None:
    task = TASKS["l4_text_sum"]
    short, long = (
        task.pose(WORLD, 3, PoseContext(16384, by_letters, answer_n=kept)) for kept in (8192, 1024)
    )
    assert short.text_n < 0.6 * long.text_n


def test_the_evidence_stands_at_its_depth() -> None:
    context = PoseContext(32768, by_letters)
    prompt, _, _ = TASKS["l4_text_sum"].pose(WORLD, 4, context).prompt.rpartition("\n\n")
    told = evidence(4)
    depths = {
        f"number {told.lamp_key} today": 0.10,
        f"{told.diver} was paid {told.diver_fee} crowns": 0.50,
        f"fog bell was weighed: {told.bell_weight}": 0.90,
        "had all her charts brought to": 0.25,
        "was emptied; all it held": 0.75,
        "toll for rafts was set": 0.15,
        "toll for rafts was noted wrongly": 0.65,
        "west crane cost": 0.40,
    }
    for text, depth in depths.items():
        assert prompt.count(text) == 1
        assert prompt.index(text) / len(prompt) == pytest.approx(depth, abs=0.03)
    landings = [at for at in range(len(prompt)) if prompt.startswith("of amber were landed", at)]
    assert [at / len(prompt) for at in landings] == pytest.approx(list(AMBER_DEPTHS), abs=0.03)


def test_questions_of_one_text_follow_each_other_and_share_it() -> None:
    places = [list(TASKS).index(name) for name in LONG]
    assert places == list(range(places[0], places[0] + len(places)))
    context = PoseContext(8192, by_letters)
    english = [name for name in LONG if "_de_" not in name]
    heads = {TASKS[name].pose(WORLD, 2, context).prompt.rpartition("\n\n")[0] for name in english}
    assert len(english) >= 8
    assert len(heads) == 1
