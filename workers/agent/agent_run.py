"""One run of a task of the suite: the conversation in its world, and what the check says of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import anyio
from inspect_ai.agent import AgentState, react
from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageTool,
    ChatMessageUser,
    get_model,
)
from inspect_ai.tool import Tool
from inspect_ai.util import apply_limits, message_limit, time_limit

from workers.agent.finish import FinishTool
from workers.agent.planned import PlannedRun
from workers.agent.sandbox.sandbox import Sandbox
from workers.agent.scoring.overclaim import OverclaimVerdict, overclaim
from workers.agent.scoring.report import Report
from workers.agent.scoring.thinking import split_thinking
from workers.agent.suite.spec import Call, Outcome, Posed, Verdict
from workers.agent.turns import limit_word, one_line
from workers.agent.words import FINISH, REMIND
from workers.agent.world.state import WorldState

HIDDEN_TESTS = "test_hidden.py"
"""The file among a task's hidden ones that is run."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a run may take."""

    messages: int
    time_s: float


@dataclass(frozen=True, slots=True)
class RunEnd:
    """What came of a run."""

    verdict: Verdict
    claims: OverclaimVerdict
    answer: str
    ended_by: str
    started_at: datetime
    ended_at: datetime


@dataclass(slots=True)
class Conversation:
    """The messages of a run as it goes; what a limit cuts off stays readable."""

    messages: list[ChatMessage]
    answers: list[str] = field(default_factory=list)
    begins: list[int] = field(default_factory=list)
    """Where in the messages each user message of the task stands."""
    report: Report | None = None
    stopped: str | None = None
    """Why the model was stopped in its last turn: tokens, context."""

    def answer(self, text: str) -> None:
        """The answer to the latest user message."""
        self.answers.append(text.strip())

    def calls(self) -> tuple[Call, ...]:
        """All tool calls but `finish`, with what they were answered."""
        failed = {
            each.tool_call_id: one_line(each.error.message)
            for each in self.messages
            if isinstance(each, ChatMessageTool) and each.error
        }
        return tuple(
            Call(call.function, dict(call.arguments), failed.get(call.id), self._turn(place))
            for place, each in enumerate(self.messages)
            if isinstance(each, ChatMessageAssistant)
            for call in each.tool_calls or ()
            if call.function != FINISH
        )

    def _turn(self, place: int) -> int:
        return max(0, sum(begin <= place for begin in self.begins) - 1)


async def converse(talk: Conversation, posed: Posed, tools: Sequence[Tool], limits: Limits) -> str:
    """Let the model work on a task; returns what ended it."""
    with apply_limits(
        [message_limit(limits.messages), time_limit(limits.time_s)], catch_errors=True
    ) as scope:
        for text in (posed.prompt, *posed.follow_ups):
            talk.begins.append(len(talk.messages))
            talk.messages.append(ChatMessageUser(content=text))
            await (_work(talk, tools) if tools else _reply(talk))
            if talk.stopped:
                break
    if scope.limit_error:
        return limit_word(scope.limit_error.type)
    return talk.stopped or "answer"


async def _reply(talk: Conversation) -> None:
    output = await get_model().generate(talk.messages)
    talk.messages.append(output.message)
    talk.stopped = _stopped(output.stop_reason)
    talk.answer(split_thinking(output.message.text)[1])


async def _work(talk: Conversation, tools: Sequence[Tool]) -> None:
    """Until the tool `finish` is called, or the model stays without a call after a reminder."""
    finish, reminded = FinishTool(), False

    async def go_on(state: AgentState) -> bool | str:
        nonlocal reminded
        if state.output.message.tool_calls:
            reminded = False
            return True
        if reminded:
            return False
        reminded = True
        return REMIND

    agent = react(prompt=None, tools=tools, submit=finish.submit(), on_continue=go_on)
    state = AgentState(messages=talk.messages)
    try:
        state = await agent(state)
    finally:
        talk.messages = state.messages
        talk.report = finish.report
    last = state.output.message.text
    talk.answer(finish.report.answer if finish.report else split_thinking(last)[1])
    if finish.report is None:
        talk.stopped = _stopped(state.output.stop_reason)


def _stopped(reason: str | None) -> str | None:
    return {"max_tokens": "tokens", "model_length": "context"}.get(reason or "")


@dataclass(frozen=True, slots=True)
class Setting:
    """What a run is bound to."""

    planned: PlannedRun
    posed: Posed
    limits: Limits
    sandbox: Sandbox | None


async def judge(
    setting: Setting, talk: Conversation, state: WorldState, ended_by: str, started_at: datetime
) -> RunEnd:
    """What the check says of the world, and what the world says of the claims."""
    answer = talk.answers[-1] if talk.answers else ""
    hidden = None
    if setting.posed.hidden and setting.sandbox:
        files: Mapping[str, bytes] = {**state.files, **setting.posed.hidden}
        hidden = await anyio.to_thread.run_sync(setting.sandbox.run_tests, files, HIDDEN_TESTS)
    outcome = Outcome(
        answer=answer,
        report=talk.report,
        state=state,
        turns=tuple(talk.answers),
        hidden=hidden,
        calls=talk.calls(),
    )
    prose = "\n".join(dict.fromkeys([answer, _last_text(talk)]))
    return RunEnd(
        verdict=setting.posed.check(outcome),
        claims=overclaim(talk.report, prose, state, setting.planned.task.tools),
        answer=answer,
        ended_by=ended_by,
        started_at=started_at,
        ended_at=datetime.now(UTC),
    )


def _last_text(talk: Conversation) -> str:
    said = [each.text for each in talk.messages if isinstance(each, ChatMessageAssistant)]
    return split_thinking(said[-1])[1].strip() if said else ""
