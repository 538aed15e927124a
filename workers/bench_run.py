"""Run the workload `llama_bench`: the public tool in place of a server, one process a cell."""

import gzip
import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from warehouse.errors import EngineError
from warehouse.imports.llama_bench import BenchTest
from workers.contract import CellDone, Event, LaunchDone, LaunchRequest
from workers.engine.binary import resolve_binary
from workers.engine.build import output_of
from workers.engine.environment import scrub
from workers.failures import CellFailed, Failure, FailureClass
from workers.launch_rows import Before, Seen, launch_row
from workers.pagecache import page_cache_fraction
from workers.tool import Tool, check_end
from workers.workloads.llama_bench.arguments import (
    Tests,
    bench_arguments,
    bench_flags,
    fitting_tests,
)
from workers.workloads.llama_bench.config import LlamaBenchConfig
from workers.workloads.llama_bench.output import as_errors, parse_output, trial_rows

_TAIL_LINES = 60


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
    run = _Run(request, config, run_dir / request.launch_id, cancelled)
    try:
        yield from run.events()
    finally:
        run.clean_up()


class _Run:
    def __init__(
        self,
        request: LaunchRequest,
        config: LlamaBenchConfig,
        folder: Path,
        cancelled: threading.Event,
    ) -> None:
        self._request = request
        self._config = config
        self._folder = folder
        self._cancelled = cancelled
        self._tool: Tool | None = None
        self._before = Before(datetime.now(UTC))

    def events(self) -> Iterator[Event]:
        failure: Failure | None = None
        try:
            self._measure()
        except CellFailed as error:
            failure = error.failure
        except EngineError as error:
            failure = Failure(FailureClass.ENGINE_MISSING, str(error))
        tests = parse_output(self._lines())
        status = "cancelled" if self._cancelled.is_set() else "failed" if failure else "ok"
        failure = failure if status == "failed" else None
        yield self._cell(tests, status, failure)
        yield self._launch(tests, status, failure)

    def clean_up(self) -> None:
        if self._tool is not None:
            self._tool.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _lines(self) -> list[str]:
        return self._tool.lines() if self._tool else []

    def _measure(self) -> None:
        engine, model = self._request.engine, Path(self._request.model.path)
        if not model.is_file():
            raise CellFailed(Failure(FailureClass.MISSING_MODEL, f"no model file at {model}"))
        tests = fitting_tests(self._config, self._request.context)
        if tests is None:
            text = f"no test fits a context of {self._request.context} tokens"
            raise CellFailed(Failure(FailureClass.BAD_ARGS, text))
        path = resolve_binary(engine.bench_binary or "", "llama-bench", "engine.bench_binary")
        env = scrub(os.environ, engine.env)
        flags = bench_flags(output_of(path, "--help", env))
        arguments = bench_arguments(self._request, tests, self._config.repetitions, flags)
        self._before = Before(datetime.now(UTC), page_cache_fraction(model))
        self._run((str(path), *arguments), tests)

    def _run(self, command: tuple[str, ...], tests: Tests) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        tool = self._tool = Tool(command, self._request.engine, self._folder / "bench.log")
        tool.start()
        limit_s = self._request.engine.request_timeout_s * tests.number
        exit_code = tool.wait(limit_s, self._cancelled)
        check_end(exit_code, as_errors(tool.lines()), limit_s, "llama-bench")
        if len(parse_output(tool.lines())) != tests.number:
            text = f"llama-bench printed fewer than its {tests.number} tests"
            raise CellFailed(Failure(FailureClass.CRASH, text))

    def _cell(self, tests: tuple[BenchTest, ...], status: str, failure: Failure | None) -> CellDone:
        (cell,) = self._request.cells
        return CellDone(
            cell_id=cell.cell_id,
            attempt=cell.attempt,
            status=status,
            failure=failure,
            started_at=self._before.started_at,
            ended_at=datetime.now(UTC),
            trials=trial_rows(cell.cell_id, cell.attempt, tests),
            telemetry=(),
        )

    def _launch(
        self, tests: tuple[BenchTest, ...], status: str, failure: Failure | None
    ) -> LaunchDone:
        lines = self._lines()
        seen = Seen(
            command_line=self._tool.command if self._tool else (),
            exit_code=self._tool.exit_code if self._tool else None,
            ended_at=datetime.now(UTC),
            log_tail="\n".join(lines[-_TAIL_LINES:]),
        )
        row = launch_row(self._request, self._before, seen, status=status, failure=failure)
        build = tests[0].build if tests else None
        return LaunchDone(
            replace(row, engine_build=build), (), gzip.compress("\n".join(lines).encode(), mtime=0)
        )
