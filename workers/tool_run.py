"""A launch of a program of llama.cpp's in place of a server: its failures, its rows, its end."""

import gzip
import shutil
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from warehouse import rows
from warehouse.errors import EngineError, ModelError
from workers.contract import CellDone, Event, LaunchDone, LaunchRequest
from workers.failures import CellFailed, Failure, FailureClass
from workers.launch_rows import Before, Seen, launch_row
from workers.pagecache import page_cache_fraction
from workers.tool import Tool

_TAIL_LINES = 60


class ToolRun(ABC):
    """One launch, with one cell."""

    def __init__(self, request: LaunchRequest, run_dir: Path, cancelled: threading.Event) -> None:
        """Nothing is started yet.

        Args:
            request: what to run.
            run_dir: a private folder in it holds the output, and is removed at the end.
            cancelled: once set, the process is killed.
        """
        self.request = request
        self.folder = run_dir / request.launch_id
        self.cancelled = cancelled
        self._before = Before(datetime.now(UTC))

    @abstractmethod
    def measure(self) -> None:
        """Run it to its end, the model file being there; `begin` before the first process.

        Raises:
            CellFailed: it failed, hung, was cancelled, or has no figures to show.
            EngineError: it is not on this host.
            ModelError: a model file cannot be read.
        """

    @property
    @abstractmethod
    def tools(self) -> Sequence[Tool]:
        """The processes that there were, in order."""

    @property
    @abstractmethod
    def build(self) -> str | None:
        """Of the program, where it is known."""

    def trials(self) -> tuple[rows.Trial, ...]:
        """What it measured."""
        return ()

    def evidence(self) -> tuple[rows.Row, ...]:
        """Rows of other child tables of `cells`; a cancelled cell has none."""
        return ()

    def run(self) -> Iterator[Event]:
        """Run it; every failure becomes an event. Closing the iterator kills the process.

        Yields:
            The CellDone, with its rows, and the LaunchDone.
        """
        try:
            yield from self._events()
        finally:
            for tool in self.tools:
                tool.kill()
            shutil.rmtree(self.folder, ignore_errors=True)

    def begin(self) -> None:
        """What is noted right before the first process."""
        self._before = Before(datetime.now(UTC), page_cache_fraction(Path(self.request.model.path)))
        self.folder.mkdir(parents=True, exist_ok=True)

    def _events(self) -> Iterator[Event]:
        failure: Failure | None = None
        try:
            self._measure()
        except CellFailed as error:
            failure = error.failure
        except EngineError as error:
            failure = Failure(FailureClass.ENGINE_MISSING, str(error))
        except ModelError as error:
            failure = Failure(FailureClass.BAD_MODEL, str(error))
        status = "cancelled" if self.cancelled.is_set() else "failed" if failure else "ok"
        failure = failure if status == "failed" else None
        yield self._cell(status, failure)
        yield self._launch(status, failure)

    def _measure(self) -> None:
        model = Path(self.request.model.path)
        if not model.is_file():
            raise CellFailed(Failure(FailureClass.MISSING_MODEL, f"no model file at {model}"))
        self.measure()

    def _cell(self, status: str, failure: Failure | None) -> CellDone:
        (cell,) = self.request.cells
        return CellDone(
            cell_id=cell.cell_id,
            attempt=cell.attempt,
            status=status,
            failure=failure,
            started_at=self._before.started_at,
            ended_at=datetime.now(UTC),
            trials=self.trials(),
            telemetry=(),
            evidence=() if status == "cancelled" else self.evidence(),
        )

    def _launch(self, status: str, failure: Failure | None) -> LaunchDone:
        tools = self.tools
        lines = [line for tool in tools for line in tool.lines()]
        seen = Seen(
            command_line=tools[-1].command if tools else (),
            exit_code=tools[-1].exit_code if tools else None,
            ended_at=datetime.now(UTC),
            log_tail="\n".join(lines[-_TAIL_LINES:]),
        )
        row = launch_row(self.request, self._before, seen, status=status, failure=failure)
        log = gzip.compress("\n".join(lines).encode(), mtime=0)
        return LaunchDone(replace(row, engine_build=self.build), (), log)
