"""Run the workload `perplexity`: the public tool in place of a server, one or two processes."""

import gzip
import shutil
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

from warehouse import rows
from warehouse.errors import EngineError, ModelError
from workers.contract import CellDone, Event, LaunchDone, LaunchRequest
from workers.failures import CellFailed, Failure, FailureClass
from workers.launch_rows import Before, Seen, launch_row
from workers.pagecache import page_cache_fraction
from workers.perplexity_tool import PerplexityTool
from workers.workloads.perplexity.arguments import compare_with, score_text
from workers.workloads.perplexity.config import PerplexityConfig
from workers.workloads.perplexity.corpus import Corpus, find_corpus
from workers.workloads.perplexity.output import finite, invalid_reason, parse_output

_TAIL_LINES = 60


def run_perplexity(
    request: LaunchRequest, config: PerplexityConfig, *, run_dir: Path, cancelled: threading.Event
) -> Iterator[Event]:
    """Run llama-perplexity for a request with one cell; every failure becomes an event.

    Args:
        request: what to run.
        config: of the cell.
        run_dir: a private folder in it holds the output, and is removed at the end.
        cancelled: once set, the process is killed.

    Yields:
        The CellDone, with its row of `quality`, and the LaunchDone.
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
        config: PerplexityConfig,
        folder: Path,
        cancelled: threading.Event,
    ) -> None:
        self._request = request
        self._config = config
        self._folder = folder
        self._cancelled = cancelled
        self._tool: PerplexityTool | None = None
        self._quality: rows.Quality | None = None
        self._before = Before(datetime.now(UTC))

    def events(self) -> Iterator[Event]:
        failure: Failure | None = None
        try:
            self._measure()
        except CellFailed as error:
            failure = error.failure
        except EngineError as error:
            failure = Failure(FailureClass.ENGINE_MISSING, str(error))
        except ModelError as error:
            failure = Failure(FailureClass.BAD_MODEL, str(error))
        status = "cancelled" if self._cancelled.is_set() else "failed" if failure else "ok"
        failure = failure if status == "failed" else None
        yield self._cell(status, failure)
        yield self._launch(status, failure)

    def clean_up(self) -> None:
        for run in self._tool.runs if self._tool else ():
            run.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _measure(self) -> None:
        request, config = self._request, self._config
        model = Path(request.model.path)
        if not model.is_file():
            raise CellFailed(Failure(FailureClass.MISSING_MODEL, f"no model file at {model}"))
        corpus = find_corpus(config)
        tool = self._tool = PerplexityTool(request, config, self._cancelled)
        self._before = Before(datetime.now(UTC), page_cache_fraction(model))
        self._folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            asked = score_text(corpus.path, config)
            if request.baseline is not None:
                log = self._folder / "baseline.log"
                held = tool.baseline_logits(request, request.baseline, corpus, log)
                asked = compare_with(stack.enter_context(held))
            self._score(tool, asked, corpus)

    def _score(self, tool: PerplexityTool, asked: list[str], corpus: Corpus) -> None:
        compared = self._request.baseline is not None
        log, started_at = self._folder / "perplexity.log", datetime.now(UTC)
        try:
            lines = tool.run(self._request, asked, log, compared=compared)
        except CellFailed as error:
            lines = tool.runs[-1].lines() if tool.runs else []
            self._quality = self._row(lines, corpus, error.failure.reason, started_at)
            raise
        reason = invalid_reason(parse_output(lines), compared=compared)
        self._quality = self._row(lines, corpus, reason, started_at)

    def _row(
        self, lines: list[str], corpus: Corpus, reason: str | None, started_at: datetime
    ) -> rows.Quality:
        (cell,) = self._request.cells
        baseline = self._request.baseline
        return rows.Quality(
            cell_id=cell.cell_id,
            attempt=cell.attempt,
            corpus=corpus.name,
            corpus_sha256=corpus.sha256,
            chunk_context=self._config.chunk_context,
            baseline_cell_id=baseline.cell_id if baseline else None,
            baseline_quant=baseline.quant if baseline else None,
            baseline_sha256=baseline.file.sha256 if baseline else None,
            **asdict(finite(parse_output(lines))),
            valid=reason is None,
            invalid_reason=reason,
            started_at=started_at,
            ended_at=datetime.now(UTC),
        )

    def _cell(self, status: str, failure: Failure | None) -> CellDone:
        (cell,) = self._request.cells
        shown = self._quality is not None and status != "cancelled"
        return CellDone(
            cell_id=cell.cell_id,
            attempt=cell.attempt,
            status=status,
            failure=failure,
            started_at=self._before.started_at,
            ended_at=datetime.now(UTC),
            trials=(),
            telemetry=(),
            evidence=(self._quality,) if self._quality and shown else (),
        )

    def _launch(self, status: str, failure: Failure | None) -> LaunchDone:
        runs = self._tool.runs if self._tool else []
        lines = [line for run in runs for line in run.lines()]
        seen = Seen(
            command_line=runs[-1].command if runs else (),
            exit_code=runs[-1].exit_code if runs else None,
            ended_at=datetime.now(UTC),
            log_tail="\n".join(lines[-_TAIL_LINES:]),
        )
        row = launch_row(self._request, self._before, seen, status=status, failure=failure)
        build = self._tool.known.text if self._tool else None
        return LaunchDone(
            replace(row, engine_build=build), (), gzip.compress("\n".join(lines).encode(), mtime=0)
        )
