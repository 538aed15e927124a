"""Run the workload `perplexity`: the public tool in place of a server, one or two processes."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from warehouse import rows
from workers.contract import Event, LaunchRequest
from workers.failures import CellFailed
from workers.perplexity_tool import PerplexityTool
from workers.tool import Tool
from workers.tool_run import ToolRun
from workers.workloads.perplexity.arguments import compare_with, score_text
from workers.workloads.perplexity.config import PerplexityConfig
from workers.workloads.perplexity.corpus import Corpus, find_corpus
from workers.workloads.perplexity.output import finite, invalid_reason, parse_output


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
    return _Run(request, config, run_dir, cancelled).run()


class _Run(ToolRun):
    def __init__(
        self,
        request: LaunchRequest,
        config: PerplexityConfig,
        run_dir: Path,
        cancelled: threading.Event,
    ) -> None:
        super().__init__(request, run_dir, cancelled)
        self._config = config
        self._tool: PerplexityTool | None = None
        self._quality: rows.Quality | None = None

    @property
    def tools(self) -> Sequence[Tool]:
        return self._tool.runs if self._tool else ()

    @property
    def build(self) -> str | None:
        return self._tool.known.text if self._tool else None

    def evidence(self) -> tuple[rows.Row, ...]:
        return (self._quality,) if self._quality else ()

    def measure(self) -> None:
        request, config = self.request, self._config
        corpus = find_corpus(config)
        tool = self._tool = PerplexityTool(request, config, self.cancelled)
        self.begin()
        with ExitStack() as stack:
            asked = score_text(corpus.path, config)
            if request.baseline is not None:
                log = self.folder / "baseline.log"
                held = tool.baseline_logits(request, request.baseline, corpus, log)
                asked = compare_with(stack.enter_context(held))
            self._score(tool, asked, corpus)

    def _score(self, tool: PerplexityTool, asked: list[str], corpus: Corpus) -> None:
        compared = self.request.baseline is not None
        log, started_at = self.folder / "perplexity.log", datetime.now(UTC)
        try:
            lines = tool.run(self.request, asked, log, compared=compared)
        except CellFailed as error:
            lines = tool.runs[-1].lines() if tool.runs else []
            self._quality = self._row(lines, corpus, error.failure.reason, started_at)
            raise
        reason = invalid_reason(parse_output(lines), compared=compared)
        self._quality = self._row(lines, corpus, reason, started_at)

    def _row(
        self, lines: list[str], corpus: Corpus, reason: str | None, started_at: datetime
    ) -> rows.Quality:
        (cell,) = self.request.cells
        baseline = self.request.baseline
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
