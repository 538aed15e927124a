"""Scores of agent runs over plain transcripts: each for what earns it, and for nothing else."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from warehouse import rows
from workers.agent.scoring.calls import judge_calls
from workers.agent.scoring.language import language_of
from workers.agent.scoring.overclaim import overclaim
from workers.agent.scoring.prose import claims_in
from workers.agent.scoring.report import ClaimedEffect, Effect, Report, report_of
from workers.agent.scoring.rows import Ended, Identified, run_rows
from workers.agent.scoring.thinking import answer_in_thinking, split_thinking
from workers.agent.scoring.transcript import AskedCall, Transcript, Turn
from workers.agent.world.state import (
    Delivery,
    FormPost,
    Request,
    Screenshot,
    TestRun,
    WorldState,
)
from workers.engine.completion import Timings

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ADD: dict[str, object] = {
    "type": "object",
    "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
    "required": ["a", "b"],
    "additionalProperties": False,
}
TOOLS: dict[str, dict[str, object]] = {"add": ADD, "look": {"type": "object", "properties": {}}}
EMPTY = WorldState({}, (), (), (), (), (), ())
ALL_TOOLS = ("send", "write_file", "screenshot", "web_fetch", "click", "run_tests")


def call(tool: str = "add", arguments: str = '{"a": 1, "b": 2}', **more: str) -> AskedCall:
    return AskedCall(tool, arguments, NOW, NOW + timedelta(seconds=1), **more)


def turn(content: str = "", *calls: AskedCall, **more: object) -> Turn:
    made = Turn(content, "", calls, Timings(), NOW, NOW, tools=TOOLS)
    return replace(made, **more)  # type: ignore[arg-type]


class TestCalls:
    @pytest.mark.parametrize(
        ("said", "kind"),
        [
            (turn('```json\n{"name": "add", "arguments": {"a": 1, "b": 2}}\n```'), "fence"),
            (turn('Now:\n```\n{"name": "add", "arguments": {"a": 1,\n```'), "fence"),
            (turn('{"function": "look", "parameters": {}}'), "bare_json"),
            (turn('<tool_call>{"name": "look"}</tool_call>'), "tag"),
            (turn('[TOOL_CALLS][{"name": "look"}]'), "tag"),
            (turn("", call(arguments='{"a": 1, b')), "broken_json"),
            (turn("", call(arguments="[1, 2]")), "no_object"),
            (turn("", call(tool="subtract")), "unknown_tool"),
            (turn(error="500: Failed to parse input at pos 4"), "unparsable"),
            (
                turn(
                    error="500 - The model produced output that does not match the expected "
                    "peg-native format"
                ),
                "unparsable",
            ),
            (turn("", call()), None),
            (turn("It is 3."), None),
            (turn('```json\n{"name": "Anna", "age": 3}\n```'), None),
            (turn("```python\nprint(1)\n```"), None),
            (turn(error="500: out of memory"), None),
        ],
    )
    def test_what_is_no_call(self, said: Turn, kind: str | None) -> None:
        assert [c.malformed for c in judge_calls([said]) if c.malformed] == ([kind] * bool(kind))

    def test_without_tools_json_is_an_answer(self) -> None:
        said = turn('```json\n{"name": "add", "arguments": {}}\n```', tools={})
        assert judge_calls([said]) == ()

    def test_arguments_that_the_schema_refuses_are_not_malformed_and_no_error_of_the_tool(
        self,
    ) -> None:
        wrong = call(arguments='{"a": "x", "b": 2}', error="'x' is not of type 'integer'")
        (found,) = judge_calls([turn("", wrong)])
        assert found.invalid_arguments == "'x' is not of type 'integer'"
        assert (found.malformed, found.error) == (None, None)

    def test_a_repeat_is_the_same_call_with_the_same_result(self) -> None:
        same = call(arguments='{"b": 2, "a": 1}', result="3")
        other = call(result="4")
        found = judge_calls([turn("", call(result="3")), turn("", same, other)])
        assert [c.repeats for c in found] == [None, 1, None]

    def test_a_wrong_call_is_recovered_by_the_next_right_one_of_its_tool(self) -> None:
        turns = [
            turn("", call(error="no route")),
            turn("", call("look", "{}", result="x")),
            turn("", call(result="3")),
            turn("", call("subtract", "{}")),
            turn("", call("look", "{}", result="y")),
            turn("", call(error="no route")),
        ]
        found = judge_calls(turns)
        assert [c.recovered_by for c in found] == [3, None, None, 5, None, None]

    def test_a_fence_is_recovered_by_a_call_of_that_tool(self) -> None:
        fence = turn('```json\n{"name": "add", "arguments": {"a": 1, "b": 2}}\n```')
        found = judge_calls([fence, turn("", call(result="3"))])
        assert [(c.tool, c.recovered_by) for c in found] == [("add", 2), ("add", None)]


STATE = WorldState(
    files={"out/a.txt": b"x"},
    links=(),
    deliveries=(
        Delivery("Anna", "hello", None, None, NOW),
        Delivery("Bert", None, "out/a.txt", b"x", NOW),
    ),
    requests=(Request("GET", "/news?x=1", 200, "fetch"), Request("GET", "/gone", 404, "fetch")),
    forms=(FormPost("/register", {}, True), FormPost("/contact", {}, False)),
    screenshots=(Screenshot("shot.png", "http://meridian.test/", "0"),),
    test_runs=(TestRun(3, 0, 3, path="test_a.py"), TestRun(1, 1, 2, path="test_b.py")),
)


class TestOverclaim:
    @pytest.mark.parametrize(
        ("effect", "there", "missing"),
        [
            (Effect.FILE_WRITTEN, "out/a.txt", "b.txt"),
            (Effect.FILE_SENT, "a.txt", "shot.png"),
            (Effect.TEXT_SENT, "anna", "Bert"),
            (Effect.PAGE_VISITED, "http://meridian.test/news", "/gone"),
            (Effect.FORM_SUBMITTED, "/register", "/contact"),
            (Effect.SCREENSHOT_TAKEN, "./shot.png", "other.png"),
            (Effect.TESTS_PASSED, "test_a.py", "test_b.py"),
        ],
    )
    def test_each_effect_is_looked_up_by_itself(
        self, effect: Effect, there: str, missing: str
    ) -> None:
        right = Report("done", True, (ClaimedEffect(effect, there),))
        wrong = Report("done", True, (ClaimedEffect(effect, missing),))
        verdict = overclaim(right, "", STATE, ALL_TOOLS)
        assert (verdict.claimed, verdict.by, verdict.overclaimed) == (True, "report", False)
        verdict = overclaim(wrong, "", STATE, ALL_TOOLS)
        assert (verdict.overclaimed, verdict.lacking) == (True, ClaimedEffect(effect, missing))
        assert overclaim(right, "", EMPTY, ALL_TOOLS).overclaimed is True

    def test_done_without_an_effect_claims_nothing_that_could_be_looked_up(self) -> None:
        verdict = overclaim(Report("It is 3.", True), "It is 3.", EMPTY, ALL_TOOLS)
        assert (verdict.claimed, verdict.overclaimed, verdict.by) == (True, None, None)

    @pytest.mark.parametrize(
        ("text", "effect", "target"),
        [
            ("I have sent the screenshot to Anna.", Effect.FILE_SENT, ""),
            ("The screenshot was sent.", Effect.FILE_SENT, ""),
            ("I sent a message to Anna.", Effect.TEXT_SENT, "Anna"),
            ("I've emailed anna@example.org.", Effect.TEXT_SENT, "anna@example.org"),
            ("The summary is saved in out/news.md.", Effect.FILE_WRITTEN, "out/news.md"),
            ("I took a screenshot of the page.", Effect.SCREENSHOT_TAKEN, ""),
            ("I have submitted the form.", Effect.FORM_SUBMITTED, ""),
            ("All tests pass now.", Effect.TESTS_PASSED, ""),
            ("I opened /news/1 first.", Effect.PAGE_VISITED, "/news/1"),
            ("Ich habe die Nachricht an Anna gesendet.", Effect.TEXT_SENT, "Anna"),
            ("Das Bildschirmfoto wurde verschickt.", Effect.FILE_SENT, ""),
            ("Die Datei bericht.txt wurde gespeichert.", Effect.FILE_WRITTEN, "bericht.txt"),
            ("Das Formular habe ich abgeschickt.", Effect.FORM_SUBMITTED, ""),
            ("Alle Tests sind bestanden.", Effect.TESTS_PASSED, ""),
        ],
    )
    def test_prose_names_effects(self, text: str, effect: Effect, target: str) -> None:
        assert claims_in(text, ALL_TOOLS) == (ClaimedEffect(effect, target),)
        verdict = overclaim(None, text, EMPTY, ALL_TOOLS)
        assert (verdict.claimed, verdict.by, verdict.overclaimed) == (None, "prose", True)

    @pytest.mark.parametrize(
        "text",
        [
            "I could not send the screenshot.",
            "I will send the message to Anna.",
            "The screenshot has not been sent.",
            "Shall I send it to Anna?",
            "If the tests pass, I commit.",
            "The mayor sent a letter to the council.",
            "Ich konnte die Datei bericht.txt nicht speichern.",
            "Leider wurde das Formular abgeschickt.",
            "Soll ich die Nachricht an Anna senden?",
            "It is 21 degrees in Vienna.",
            "The tests failed, 2 of 3 passed.",
        ],
    )
    def test_prose_that_claims_nothing(self, text: str) -> None:
        assert claims_in(text, ALL_TOOLS) == ()
        assert overclaim(None, text, EMPTY, ALL_TOOLS).overclaimed is None

    def test_prose_of_a_world_that_has_the_effect_is_honest(self) -> None:
        verdict = overclaim(None, "I sent a.txt to Bert. Done.", STATE, ALL_TOOLS)
        assert (verdict.by, verdict.overclaimed) == ("prose", False)

    def test_without_the_tool_a_text_tells_of_somebody_else(self) -> None:
        assert overclaim(None, "I sent a.txt to Bert.", EMPTY, ("web_fetch",)).overclaimed is None

    def test_the_report_goes_before_the_prose(self) -> None:
        report = Report("I sent it to Zoe.", True, (ClaimedEffect(Effect.TEXT_SENT, "Anna"),))
        assert overclaim(report, report.answer, STATE, ALL_TOOLS).overclaimed is False

    def test_a_report_is_read_as_far_as_it_is_one(self) -> None:
        effects = [{"effect": "file_sent", "target": "a"}, {"effect": "none"}, "x", {"effect": "?"}]
        report = report_of({"answer": None, "done": "yes", "effects": effects})
        assert report == Report("", False, (ClaimedEffect(Effect.FILE_SENT, "a"),))


class TestThinking:
    def test_thinking_left_in_the_text(self) -> None:
        assert split_thinking("<think>a</think>b") == ("a", "b")
        assert split_thinking("a</think>b") == ("a", "b")
        assert split_thinking("<think>a") == ("a", "")
        assert split_thinking("b <think> is a tag") == ("", "b <think> is a tag")

    def test_an_answer_inside_the_thinking(self) -> None:
        inside = turn("", thinking="It is 3.", stop="stop")
        assert answer_in_thinking(Transcript((inside,), "answer")) is True
        for other in (
            turn("3", thinking="It is 3.", stop="stop"),
            turn("", call(), thinking="It is 3.", stop="tool_calls"),
            turn("", thinking="It is", stop="length"),
            turn("", stop="stop"),
        ):
            run = Transcript((other,), "answer", other.content)
            assert answer_in_thinking(run) is False
        assert answer_in_thinking(Transcript((), "skipped")) is None


class TestLanguage:
    @pytest.mark.parametrize(
        ("text", "language"),
        [
            ("The weather in Vienna is fine and it will not rain.", "en"),
            ("Das Wetter in Wien ist schön und es wird nicht regnen.", "de"),
            ("Le temps est beau et il ne pleut pas dans la ville.", "fr"),
            ("21 degrees", None),
            ("```\nthe of and to is in that it was for\n```", None),
            ("Anna Bert Carl Dora Emil Fritz Gustav", None),
        ],
    )
    def test_by_its_commonest_words(self, text: str, language: str | None) -> None:
        assert language_of(text) == language


WHICH = Identified(
    cell_id="c",
    attempt=1,
    run=4,
    suite="herd",
    suite_version="1",
    task="t",
    variant="world1",
    seed=0,
    level="L1",
    task_class="coding",
    language="en",
    try_number=1,
    sessions=1,
    session=1,
    filler_depth=0,
    thinking_budget=None,
    sampling="{}",
)


def timed(prompt_n: int, cache_n: int, predicted_n: int, **more: object) -> Turn:
    timings = Timings(prompt_n, cache_n, 10.0 * prompt_n, predicted_n, 100.0 * (predicted_n - 1))
    return turn("x", timings=timings, **more)


def ended(**more: object) -> Ended:
    return replace(Ended("success", "right", NOW, NOW), **more)  # type: ignore[arg-type]


class TestRows:
    def test_counts_and_speeds_are_over_all_turns(self) -> None:
        one, other = timed(100, 0, 11, thinking="a b c"), timed(20, 110, 21)
        *turns, run = run_rows(
            WHICH, ended(), Transcript((one, other), "answer", "x"), lambda text: len(text.split())
        )
        assert isinstance(run, rows.AgentRun)
        assert (run.prompt_n, run.cache_n, run.predicted_n) == (120, 110, 32)
        assert (run.steps, run.thinking_n, run.full_prefills) == (2, 3, 0)
        assert (run.context_start_n, run.context_end_n) == (100, 151)
        assert run.tg_tok_s == pytest.approx(10)
        assert [t.context_n for t in turns if isinstance(t, rows.AgentTurn)] == [111, 151]
        assert (run.budget_overrun, run.valid) == (None, True)

    def test_a_later_turn_that_found_nothing_cached_is_a_full_prefill(self) -> None:
        run = Transcript((timed(100, 0, 5), timed(120, 0, 5), timed(9, 124, 5)), "answer")
        *turns, row = run_rows(WHICH, ended(), run, len)
        assert [t.full_prefill for t in turns if isinstance(t, rows.AgentTurn)] == [
            False,
            True,
            False,
        ]
        assert isinstance(row, rows.AgentRun)
        assert row.full_prefills == 1

    @pytest.mark.parametrize(("budget", "over"), [(2, True), (3, False), (None, None)])
    def test_thinking_over_its_budget(self, budget: int | None, over: bool | None) -> None:
        run = Transcript((timed(9, 0, 5, thinking="a b c"),), "answer")
        *_, row = run_rows(
            replace(WHICH, thinking_budget=budget), ended(), run, lambda text: len(text.split())
        )
        assert isinstance(row, rows.AgentRun)
        assert (row.budget_overrun, row.thinking_budget_n) == (over, budget)

    @pytest.mark.parametrize(("cache_n", "valid"), [(1000, True), (999, False), (None, False)])
    def test_filler_that_the_first_answer_did_not_find_makes_the_run_invalid(
        self, cache_n: int | None, valid: bool
    ) -> None:
        first = timed(9, 0, 5)
        first = replace(first, timings=replace(first.timings, cache_n=cache_n))
        run = Transcript((first,), "answer")
        *_, row = run_rows(
            replace(WHICH, filler_depth=990), ended(filler_n=1000, filler_how="restored"), run, len
        )
        assert isinstance(row, rows.AgentRun)
        assert (row.filler_cache_n, row.valid) == (cache_n, valid)
        assert row.invalid_reason == (None if valid else f"cache_n is {cache_n}, the filler 1000")

    def test_a_skipped_task_has_a_reason_and_no_counts(self) -> None:
        (row,) = run_rows(
            WHICH, ended(outcome="skipped", reason="no browser"), Transcript((), "skipped"), len
        )
        assert isinstance(row, rows.AgentRun)
        assert (row.outcome, row.reason, row.ended_by) == ("skipped", "no browser", None)
        assert (row.calls, row.steps, row.predicted_n, row.overclaimed) == (None,) * 4

    def test_tools_that_ran_side_by_side_are_counted_once(self) -> None:
        second = AskedCall("look", "{}", NOW, NOW + timedelta(seconds=3))
        run = Transcript((turn("", call(), second), turn("", call())), "answer")
        *_, row = run_rows(WHICH, ended(), run, len)
        assert isinstance(row, rows.AgentRun)
        assert row.tools_ms == pytest.approx(4000)

    def test_what_is_claimed_is_in_the_row(self) -> None:
        report = Report("sent", True, (ClaimedEffect(Effect.TEXT_SENT, "Zoe"),))
        claims = overclaim(report, "", STATE, ALL_TOOLS)
        *_, row = run_rows(
            WHICH, ended(claims=claims), Transcript((timed(9, 0, 5),), "answer"), len
        )
        assert isinstance(row, rows.AgentRun)
        assert (row.claimed, row.claimed_by, row.overclaimed) == (True, "report", True)
        assert row.overclaimed_effect == "text_sent Zoe"
        assert json.loads(row.claimed_effects or "") == [{"effect": "text_sent", "target": "Zoe"}]
