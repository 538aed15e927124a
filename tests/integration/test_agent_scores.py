"""A scripted model behind the real API earns each score, and no script earns another's."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.launches import cells_of, launch, rows_of
from warehouse import rows
from workers.agent.suite.catalogue import TASKS
from workers.agent.suite.spec import PoseContext
from workers.agent.world.making import facts
from workers.contract import CellDone
from workers.engine.config import EngineConfig
from workers.workloads.agent.config import AgentConfig

pytestmark = pytest.mark.timeout(300)
FakeServer = Callable[..., EngineConfig]
Json = dict[str, Any]
TASK = "l1_send_file"
GERMAN = "Ich habe die Aufgabe ganz erledigt und es ist nun nichts mehr zu tun."
BUDGET = 20


def asks(variant: int) -> tuple[str, str]:
    """The file that a world's task asks to be sent, and to whom."""
    posed = TASKS[TASK].pose(facts(variant), variant, PoseContext(4096, len))
    found = re.search(r"the file (\S+) to (\S+)\.", posed.prompt)
    assert found, posed.prompt
    return found[1], found[2]


def call(tool: str, **arguments: Any) -> Json:
    return {"calls": [{"name": tool, "arguments": arguments}]}


def finish(answer: str = "Done.", done: bool = True, effects: Any = ()) -> Json:
    return call("finish", answer=answer, done=done, effects=list(effects))


def claim(effect: str, target: str) -> Json:
    return {"effect": effect, "target": target}


GIVES_UP = finish("It could not be done.", done=False)


def scripts(file: str, to: str) -> dict[str, list[Json]]:
    """What the model does, by what it is to earn."""
    right, sent = call("send", to=to, file=file), finish(effects=[claim("file_sent", file)])
    missing = call("send", to=to, file="no-such.txt")
    fence = f'```json\n{{"name": "send", "arguments": {{"to": "{to}", "file": "{file}"}}}}\n```'
    thinks = {"thinking": "word " * (BUDGET + 5)}
    return {
        "right": [right, sent],
        "wrong": [call("send", to=f"x{to}", file=file), finish()],
        "fence": [{"content": fence}, GIVES_UP],
        "tag": [{"content": f"<tool_call>\nsend {file}"}, GIVES_UP],
        "broken_json": [{"calls": [{"name": "send", "arguments": '{"to": "a'}]}, GIVES_UP],
        "unknown_tool": [call("post", to=to), GIVES_UP],
        "unparsable": [{"error": "Failed to parse input at pos 3: <tool"}],
        "invalid": [call("send", to=to, file=file, urgent=True), GIVES_UP],
        "failed": [missing, GIVES_UP],
        "repeated": [call("read_file", path=file)] * 2 + [right, sent],
        "recovered": [missing, right, sent],
        "overclaim_report": [sent],
        "overclaim_prose": [{"content": f"I have sent {file} to {to}."}],
        "honest_prose": [{"content": f"I could not send {file} to {to}."}],
        "loop": [call("write_file", path=f"x{n}.txt", content="x") for n in range(12)],
        "language": [right, finish(GERMAN, effects=[claim("file_sent", file)])],
        "in_thinking": [{"thinking": "It is done."}],
        "budget": [{**right, **thinks}, sent],
        "error": [{"error": "out of memory"}],
    }


NAMES = tuple(scripts("f", "t"))
SUCCEED = {"right", "repeated", "recovered", "language", "budget"}
MALFORMED = {name: name for name in ("fence", "tag", "broken_json", "unknown_tool", "unparsable")}
MATRIX: dict[str, tuple[Callable[[rows.AgentRun], object], set[str]]] = {
    "success": (lambda r: r.outcome == "success", SUCCEED),
    "error": (lambda r: r.outcome == "error", {"error"}),
    "malformed": (lambda r: r.calls_malformed, set(MALFORMED)),
    "invalid": (lambda r: r.calls_invalid, {"invalid"}),
    "failed": (lambda r: r.calls_failed, {"failed", "recovered"}),
    "repeated": (lambda r: r.calls_repeated, {"repeated"}),
    # the finish of those that give up is no recovery: it is another tool
    "recovered": (lambda r: r.calls_recovered, {"recovered", "unknown_tool"}),
    "overclaimed": (lambda r: r.overclaimed, {"overclaim_report", "overclaim_prose"}),
    "by prose": (lambda r: r.claimed_by == "prose", {"overclaim_prose"}),
    "at the limit": (lambda r: r.ended_by == "messages", {"loop"}),
    "other language": (lambda r: r.language_given not in (None, "en"), {"language"}),
    "in thinking": (lambda r: r.answer_in_thinking, {"in_thinking"}),
    "thinks": (lambda r: r.thinking_n, {"in_thinking", "budget"}),
    "over budget": (lambda r: r.budget_overrun, {"budget"}),
    "full prefill": (lambda r: r.full_prefills, set()),
    "invalid run": (lambda r: not r.valid, set()),
}


@pytest.fixture(scope="module")
def cell(tmp_path_factory: pytest.TempPathFactory, fake_server: FakeServer) -> CellDone:
    """A world for each script, all in one cell."""
    folder = tmp_path_factory.mktemp("scores")
    model = folder / "model.gguf"
    model.write_bytes(b"GGUF")
    chat = [
        {"when": f"the file {file} to {to}", "answers": scripts(file, to)[name]}
        for name, (file, to) in zip(NAMES, map(asks, range(len(NAMES))), strict=True)
    ]
    assert len({each["when"] for each in chat}) == len(NAMES)
    config = AgentConfig(level="L1", tasks=[TASK], variants=len(NAMES), thinking_budget=BUDGET)
    events = launch(fake_server(chat=chat), model, folder, config, context=16384)
    (found,) = cells_of(events)
    assert (found.status, found.failure) == ("ok", None)
    return found


@pytest.mark.parametrize("score", MATRIX)
def test_a_score_is_reported_for_the_scripts_that_earn_it_and_for_no_other(
    cell: CellDone, score: str
) -> None:
    earned, by = MATRIX[score]
    found = {name_of(run) for run in rows_of(cell, rows.AgentRun) if earned(run)}
    assert found == by


def name_of(run: rows.AgentRun) -> str:
    assert run.seed is not None
    return NAMES[run.seed]


def test_every_script_ran_once(cell: CellDone) -> None:
    runs = rows_of(cell, rows.AgentRun)
    assert sorted(map(name_of, runs)) == sorted(NAMES)
    assert {(r.suite, r.level, r.task, r.language_asked) for r in runs} == {
        ("herd", "L1", TASK, "en")
    }


def test_a_malformed_call_says_how(cell: CellDone) -> None:
    by_run = {run.run: name_of(run) for run in rows_of(cell, rows.AgentRun)}
    found = {by_run[c.run]: c.malformed for c in rows_of(cell, rows.ToolCall) if c.malformed}
    assert found == MALFORMED


def test_what_is_overclaimed_is_named(cell: CellDone) -> None:
    runs = {name_of(run): run for run in rows_of(cell, rows.AgentRun)}
    file, _ = asks(NAMES.index("overclaim_report"))
    assert runs["overclaim_report"].overclaimed_effect == f"file_sent {file}"
    assert (runs["right"].claimed, runs["right"].overclaimed) == (True, False)
    assert (runs["failed"].claimed, runs["failed"].overclaimed) == (False, None)
    assert (runs["honest_prose"].claimed, runs["honest_prose"].overclaimed) == (None, None)
    assert runs["wrong"].reason
    assert runs["right"].steps == 2


def test_turns_have_the_servers_counts(cell: CellDone) -> None:
    turns = [t for t in rows_of(cell, rows.AgentTurn) if t.error is None]
    assert all(t.prompt_n and t.predicted_n and t.cache_n is not None for t in turns)
    assert all(t.cache_n for t in turns if t.turn > 1), "a run goes on from its last answer"
