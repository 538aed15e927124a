"""Run the workload `llama_bench`: the public tool in place of a server, one process a cell."""

import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from warehouse import rows
from warehouse.imports.llama_bench import BenchTest
from workers.contract import Event, LaunchRequest
from workers.engine.binary import resolve_binary
from workers.engine.build import output_of
from workers.engine.environment import scrub
from workers.failures import CellFailed, Failure, FailureClass
from workers.tool import Tool, check_end
from workers.tool_run import ToolRun
from workers.workloads.llama_bench.arguments import (
    Tests,
    bench_arguments,
    bench_flags,
    fitting_tests,
)
from workers.workloads.llama_bench.config import LlamaBenchConfig
from workers.workloads.llama_bench.output import as_errors, parse_output, trial_rows


def run_bench(
    request: LaunchRequest, config: LlamaBenchConfig, *, run_dir: Path, cancelled: threading.Event
) -> Iterator[Event]:
    """Run llama-bench for a request with one cell; every failure becomes an event.

    Args:
        request: what to run; the binary is `engine.bench_binary`.
        config: of the cell.
        run_dir: a private folder in it holds the output, and is removed at the end.
        cancelled: once set, the process is killed.

    Yields:
        The CellDone, with a trial for each repetition, and the LaunchDone.
    """
    return _Run(request, config, run_dir, cancelled).run()


class _Run(ToolRun):
    def __init__(
        self,
        request: LaunchRequest,
        config: LlamaBenchConfig,
        run_dir: Path,
        cancelled: threading.Event,
    ) -> None:
        super().__init__(request, run_dir, cancelled)
        self._config = config
        self._tool: Tool | None = None
        self._found: tuple[BenchTest, ...] = ()

    @property
    def tools(self) -> Sequence[Tool]:
        return (self._tool,) if self._tool else ()

    @property
    def build(self) -> str | None:
        return self._found[0].build if self._found else None

    def trials(self) -> tuple[rows.Trial, ...]:
        (cell,) = self.request.cells
        return trial_rows(cell.cell_id, cell.attempt, self._found)

    def measure(self) -> None:
        engine = self.request.engine
        tests = fitting_tests(self._config, self.request.context)
        if tests is None:
            text = f"no test fits a context of {self.request.context} tokens"
            raise CellFailed(Failure(FailureClass.BAD_ARGS, text))
        path = resolve_binary(engine.bench_binary or "", "llama-bench", "engine.bench_binary")
        env = scrub(os.environ, engine.env)
        flags = bench_flags(output_of(path, "--help", env))
        arguments = bench_arguments(self.request, tests, self._config.repetitions, flags)
        self.begin()
        self._run((str(path), *arguments), tests)

    def _run(self, command: tuple[str, ...], tests: Tests) -> None:
        tool = self._tool = Tool(command, self.request.engine, self.folder / "bench.log")
        tool.start()
        limit_s = self.request.engine.request_timeout_s * tests.number
        exit_code = tool.wait(limit_s, self.cancelled)
        self._found = parse_output(tool.lines())
        check_end(exit_code, as_errors(tool.lines()), limit_s, "llama-bench")
        if len(self._found) != tests.number:
            text = f"llama-bench printed fewer than its {tests.number} tests"
            raise CellFailed(Failure(FailureClass.CRASH, text))
