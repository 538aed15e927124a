"""Workload `agent`: the model does tasks on the cell's server, in a process of their own.

Method, version 1:

- The engine of the tasks is Inspect, in a process that ends with the worker (`workers.agent`). A
  run's rows come as it ends; the log of all of them is kept beside the rows.
- Runs of a session follow each other in the suite's order, tries in rounds. Nothing is erased
  between them: the cache is as agents find it. What each turn found cached is in its row.
- Sampling is pinned, every parameter; the sampler's seed is that of the world and the try.
- Behind filler, every task has the tools of all, since they stand before it in the prompt.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

from warehouse import rows
from workers.agent.messages import LOST, AgentRequest, Finished, Stopped
from workers.cancel import when_cancelled
from workers.engine.stream import ConnectionLost
from workers.failures import CellFailed, Failure, FailureClass
from workers.workloads.agent.config import HERD, AgentConfig
from workers.workloads.agent.process import AgentProcess
from workers.workloads.agent.sampling import sampling_for
from workers.workloads.base import Bench, KeptLog

_RUN_ROOM = 512
"""Tokens that a task needs at least, beside the filler and a turn."""


class Agent:
    """The workload `agent` with its config."""

    def __init__(self, config: AgentConfig) -> None:
        self._config = config

    def total(self, context: int) -> int:
        """Number of runs; 0 where only the suite itself knows it; see `Workload`."""
        config = self._config
        needed = config.filler_depth + min(config.turn_tokens, _RUN_ROOM) + _RUN_ROOM
        if config.filler_depth and needed > context:
            text = (
                f"filler of {config.filler_depth} tokens leaves no room for a task in a slot of "
                f"{context} tokens"
            )
            raise CellFailed(Failure(FailureClass.BAD_ARGS, text))
        if config.suite != HERD:
            return len(config.tasks) * config.tries
        # plain Python, but of no use to any other cell's process
        from workers.agent.planned import chosen_tasks
        from workers.agent.suite.catalogue import TASKS

        tasks = chosen_tasks(TASKS.values(), config.level, config.tasks)
        return len(tasks) * config.variants * config.tries

    def run(self, bench: Bench) -> Iterator[rows.Row | KeptLog]:
        """Start the process and hand on its rows; see `Workload`."""
        if bench.cancelled.is_set():
            return
        folder = bench.folder / f"agent-{bench.cell_id}-{bench.attempt}"
        folder.mkdir(parents=True, mode=0o700)
        process = AgentProcess(self._request(bench, folder))
        try:
            with when_cancelled(bench.cancelled, process.kill):
                process.start()
                yield from self._rows(bench, process)
        finally:
            process.end()
            shutil.rmtree(folder, ignore_errors=True)

    def _rows(self, bench: Bench, process: AgentProcess) -> Iterator[rows.Row | KeptLog]:
        runs: list[rows.AgentRun] = []
        for said in process.said():
            match said:
                case Stopped(kind, reason) if kind == LOST:
                    raise ConnectionLost(reason)
                case Stopped(kind, reason):
                    raise CellFailed(Failure(FailureClass(kind), reason))
                case Finished(log):
                    if log is not None:
                        yield KeptLog(Path(log).read_bytes())
                    _check(runs)
                    return
                case rows.Row():
                    if isinstance(said, rows.AgentRun):
                        runs.append(said)
                    yield said
        if not bench.cancelled.is_set():
            code = process.wait()
            how = f"signal {-code}" if code < 0 else f"exit code {code}"
            text = f"the agent process ended ({how}): {process.last_words()}"
            raise CellFailed(Failure(FailureClass.CRASH, text))

    def _request(self, bench: Bench, folder: Path) -> AgentRequest:
        config = self._config
        return AgentRequest(
            cell_id=bench.cell_id,
            attempt=bench.attempt,
            base_url=bench.base_url,
            api_key=bench.api_key,
            request_timeout_s=bench.request_timeout_s,
            context=bench.context,
            folder=str(folder),
            suite=config.suite,
            suite_version=config.suite_version,
            level=config.level,
            tasks=tuple(config.tasks),
            tries=config.tries,
            seed=config.seed,
            variants=config.variants,
            sampling=sampling_for(config, bench.model_path),
            thinking=config.thinking,
            thinking_budget=config.thinking_budget,
            sessions=config.sessions,
            filler_depth=config.filler_depth,
            messages=config.messages,
            turn_tokens=config.turn_tokens,
            time_s=config.time_s,
            live=config.live,
            live_search=config.live_search,
        )


def _check(runs: list[rows.AgentRun]) -> None:
    """Errors of the harness in every single run are the cell's.

    Raises:
        CellFailed: there is no run of another kind.
    """
    if runs and all(run.outcome == "error" for run in runs):
        raise CellFailed(Failure(FailureClass.REQUEST_ERROR, f"no run worked: {runs[0].reason}"))
