"""herd's own suite as a task of Inspect."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import anyio
from inspect_ai import Task as InspectTask
from inspect_ai import eval as inspect_eval
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalLog, EvalSample
from inspect_ai.model import ChatMessageSystem, Model
from inspect_ai.scorer import (
    CORRECT,
    INCORRECT,
    NOANSWER,
    Score,
    Scorer,
    Target,
    accuracy,
    scorer,
)
from inspect_ai.solver import Generate, Solver, TaskState, solver
from inspect_ai.tool import Tool

from warehouse import rows
from workers.agent.agent_run import Conversation, Limits, RunEnd, Setting, converse, judge
from workers.agent.evaluation import EVAL_SETTINGS, Means
from workers.agent.filler import Filler
from workers.agent.hosts import Host
from workers.agent.listening import listen
from workers.agent.planned import PlannedRun, chosen_tasks, planned_runs
from workers.agent.scoring.calls import is_unreadable
from workers.agent.scoring.rows import Ended, Identified, run_rows
from workers.agent.scoring.transcript import Transcript
from workers.agent.suite.catalogue import SUITE_VERSION, TASKS
from workers.agent.suite.spec import Need, PoseContext, Posed, Task
from workers.agent.tools.bound import tools_for
from workers.agent.turns import one_line, transcript_of
from workers.agent.words import AGENT, ANSWERER, SEALED_WEB
from workers.agent.world.live import LiveWorld
from workers.agent.world.making import facts
from workers.agent.world.place import Place
from workers.agent.world.world import World

_LEAST_ANSWER = 1024
"""Tokens of the context that a long text leaves for question, thinking and answer."""
_SEED_STEP = 1000
"""Between the samplers' seeds of two worlds: tries count within."""


class HerdSuite:
    """The runs of one level."""

    def __init__(self, means: Means, host: Host) -> None:
        request = means.request
        self._means = means
        self._host = host
        tasks = chosen_tasks(TASKS.values(), request.level, request.tasks)
        runs = planned_runs(
            tasks,
            seed=request.seed,
            variants=request.variants,
            tries=request.tries,
            sessions=request.sessions,
        )
        self._runs = {run.name: run for run in runs}
        self._lacking = {run.name: self._why_not(run.task) for run in runs}
        self._posed: dict[str, Posed] = {}
        self._ended: dict[str, RunEnd] = {}
        self._started: dict[str, datetime] = {}
        self._lanes: dict[int, anyio.Lock] = {}
        self._filler: Filler | None = None

    def _why_not(self, task: Task) -> str | None:
        """Why a task cannot be set here."""
        room = self._room
        if task.context_min_n > room:
            return f"needs a context of {task.context_min_n} tokens, there are {room}"
        return self._host.lacks(task.needs)

    @property
    def _room(self) -> int:
        return self._means.request.context - self._means.request.filler_depth

    @cached_property
    def _offered(self) -> tuple[str, ...]:
        """Behind filler every task has the tools of all: they stand before it in the prompt."""
        able = (run.task for name, run in self._runs.items() if not self._lacking[name])
        return tuple(dict.fromkeys(tool for task in able for tool in task.tools))

    def _tools(self, task: Task) -> tuple[str, ...]:
        return self._offered if self._means.request.filler_depth else task.tools

    def evaluate(self, model: Model) -> EvalLog | None:
        """Run them; None if there was nothing to run."""
        request = self._means.request
        for name, reason in self._lacking.items():
            if reason:
                self._skip(self._runs[name], reason)
        able = [run for name, run in self._runs.items() if not self._lacking[name]]
        if not able:
            return None
        context = PoseContext(
            self._room, self._means.tokens_of, answer_n=max(_LEAST_ANSWER, request.turn_tokens)
        )
        for run in able:
            self._posed[run.name] = run.task.pose(facts(run.seed), run.seed, context)
        if request.filler_depth:
            self._filler = self._fill(model)
        listen(self, self._means.say)
        task = InspectTask(
            name=f"herd_{request.level}",
            version=SUITE_VERSION,
            dataset=[Sample(id=run.name, input=self._posed[run.name].prompt) for run in able],
            solver=_working(self),
            scorer=_checked(self),
        )
        (log,) = inspect_eval(
            task,
            model=model,
            log_dir=f"{request.folder}/log",
            # the lanes let one run a session in; its clock starts there
            max_samples=1 if request.sessions == 1 else len(able),
            **EVAL_SETTINGS,
        )
        return log

    def _fill(self, model: Model) -> Filler:
        folder = Path(self._means.request.folder) / "filler"
        with self._world(folder, self._means.request.seed) as world:
            tools = tools_for(
                world, self._offered, sandbox=self._host.sandbox, browser=self._host.browser
            )
            return Filler.fill(self._means, model, self._system(tools), tools)

    def _world(self, folder: Path, seed: int) -> AbstractContextManager[Place]:
        request = self._means.request
        if request.live:
            return nullcontext(LiveWorld(folder, request.live_search))
        return World(folder, facts(seed))

    def _system(self, tools: Sequence[Tool]) -> str:
        """What the model is told before a task, but for the filler."""
        if not tools:
            return ANSWERER
        return AGENT.format(web="" if self._means.request.live else SEALED_WEB)

    async def work(self, name: str) -> RunEnd:
        """A run, when its session is free."""
        run = self._runs[name]
        lane = self._lanes.setdefault(run.session, anyio.Lock())
        async with lane:
            if self._filler:
                await anyio.to_thread.run_sync(self._filler.ready)
            self._started[name] = datetime.now(UTC)
            self._ended[name] = await self._in_world(run)
        return self._ended[name]

    async def _in_world(self, run: PlannedRun) -> RunEnd:
        request, posed = self._means.request, self._posed[run.name]
        offered = self._tools(run.task)
        setting = Setting(
            planned=run,
            posed=posed,
            # what the system is told counts as a message for Inspect
            limits=Limits((request.messages or run.task.messages_max) + 1, request.time_s),
            sandbox=self._host.sandbox,
        )
        folder = Path(request.folder) / "worlds" / str(run.number)
        with self._world(folder, run.seed) as world, self._browsing(world):
            world.put(posed.files)
            tools = tools_for(
                world, offered, sandbox=self._host.sandbox, browser=self._host.browser
            )
            system = self._system(tools) + (self._filler.text if self._filler else "")
            talk = Conversation([ChatMessageSystem(content=system)])
            ended_by = await converse(talk, posed, tools, setting.limits)
            return await judge(setting, talk, world.state(), ended_by, self._started[run.name])

    @contextmanager
    def _browsing(self, world: Place) -> Iterator[None]:
        try:
            yield
        finally:
            if self._host.browser:
                self._host.browser.release(world)

    def seed(self, sample_id: str, epoch: int) -> int:  # noqa: ARG002 - tries are runs of their own
        """Of a run's sampler."""
        run = self._runs[sample_id]
        return run.seed * _SEED_STEP + run.try_number - 1

    def rows(self, sample: EvalSample) -> tuple[rows.Row, ...]:
        """See `listening.Ending`."""
        run = self._runs[str(sample.id)]
        end = self._ended.get(run.name)
        transcript = transcript_of(
            sample, end.ended_by if end else None, end.answer if end else None
        )
        ended = self._judged(run, end) if end else self._broken(run, sample, transcript)
        return run_rows(self._identified(run), ended, transcript, self._means.tokens_of)

    def _judged(self, run: PlannedRun, end: RunEnd) -> Ended:
        return Ended(
            "success" if end.verdict.success else "failure",
            one_line(end.verdict.reason),
            end.started_at,
            end.ended_at,
            sandbox=self._sandbox_of(run.task),
            claims=end.claims,
            filler_n=self._filler.tokens if self._filler else None,
            filler_how=self._filler.how if self._filler else None,
        )

    def _sandbox_of(self, task: Task) -> str | None:
        sandbox = self._host.sandbox
        return sandbox.name if sandbox and Need.SANDBOX in task.needs else None

    def _broken(self, run: PlannedRun, sample: EvalSample, transcript: Transcript) -> Ended:
        """A run that ended by an error: the model's, if its words are what nobody could read."""
        now = datetime.now(UTC)
        began = self._started.get(run.name, now)
        last = transcript.turns[-1].error if transcript.turns else None
        text = last or one_line(sample.error.message if sample.error else "no end")
        return Ended(
            "failure" if last and is_unreadable(last) else "error",
            text,
            began,
            now,
            filler_n=self._filler.tokens if self._filler else None,
            filler_how=self._filler.how if self._filler else None,
        )

    def _skip(self, run: PlannedRun, reason: str) -> None:
        now = datetime.now(UTC)
        nothing = Transcript((), "skipped")
        ended = Ended("skipped", reason, now, now)
        for row in run_rows(self._identified(run), ended, nothing, self._means.tokens_of):
            self._means.say(row)

    def _identified(self, run: PlannedRun) -> Identified:
        request, task = self._means.request, run.task
        return Identified(
            cell_id=request.cell_id,
            attempt=request.attempt,
            run=run.number,
            suite=request.suite,
            suite_version=SUITE_VERSION,
            task=task.name,
            variant=f"world{run.variant}",
            seed=run.seed,
            level=task.level,
            task_class=task.task_class,
            language=task.language,
            try_number=run.try_number,
            sessions=request.sessions,
            session=run.session,
            filler_depth=request.filler_depth,
            thinking_budget=request.thinking_budget,
            sampling=self._means.sampling,
        )

    def end_of(self, name: str) -> RunEnd | None:
        """What came of a run; None: it did not come to its end."""
        return self._ended.get(name)


@solver(name="herd_agent")
def _working(suite: HerdSuite) -> Solver:
    async def solve(state: TaskState, generate: Generate) -> TaskState:  # noqa: ARG001
        end = await suite.work(str(state.sample_id))
        state.output.completion = end.answer
        return state

    return solve


@scorer(metrics=[accuracy()], name="herd_check")
def _checked(suite: HerdSuite) -> Scorer:
    async def score(state: TaskState, target: Target) -> Score:  # noqa: ARG001
        end = suite.end_of(str(state.sample_id))
        if end is None:
            return Score(value=NOANSWER)
        claims = end.claims
        return Score(
            value=CORRECT if end.verdict.success else INCORRECT,
            answer=end.answer,
            explanation=end.verdict.reason,
            metadata={
                "ended_by": end.ended_by,
                "claimed": claims.claimed,
                "claimed_by": claims.by,
                "effects": [f"{e.effect} {e.target}" for e in claims.effects],
                "overclaimed": claims.overclaimed,
            },
        )

    return score
