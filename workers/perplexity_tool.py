"""llama-perplexity on this host: where it is, one run of it, and a baseline's answers by it."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from warehouse.canonical import digest
from workers.contract import Baseline, LaunchRequest
from workers.engine.binary import resolve_binary
from workers.engine.build import Known, known_of
from workers.engine.config import EngineConfig
from workers.engine.log import devices_used
from workers.failures import CellFailed, Failure, FailureClass
from workers.launch_rows import missing_devices
from workers.models.hashing import HashMemo, file_sha256
from workers.models.header import read_header
from workers.tool import Tool, check_end
from workers.workloads.perplexity.arguments import score_text, tool_arguments
from workers.workloads.perplexity.config import BASELINE_CACHE, PerplexityConfig
from workers.workloads.perplexity.corpus import Corpus
from workers.workloads.perplexity.logits import logits_bytes, most_chunks
from workers.workloads.perplexity.output import trouble
from workers.workloads.perplexity.store import LogitsStore

_PROGRAM = "llama-perplexity"
_SETTING = "engine.perplexity_binary"
_GIB = 2**30


def find_tool(engine: EngineConfig) -> Path:
    """The llama-perplexity of an engine: the one that is named, else beside its llama-server.

    Raises:
        EngineError: there is none.
    """
    if engine.perplexity_binary is not None:
        return resolve_binary(engine.perplexity_binary, _PROGRAM, _SETTING)
    beside = resolve_binary(engine.binary).resolve().with_name(_PROGRAM)
    return resolve_binary(str(beside), _PROGRAM, _SETTING)


class PerplexityTool:
    """The tool for one launch.

    Attributes:
        known: its identity and flags.
        runs: what was started, in order.
    """

    def __init__(
        self, request: LaunchRequest, config: PerplexityConfig, cancelled: threading.Event
    ) -> None:
        """Look for it.

        Raises:
            EngineError: it is not on this host, or does not run.
        """
        self._path = find_tool(request.engine)
        self.known: Known = known_of(self._path, request.engine.env)
        self.runs: list[Tool] = []
        self._config = config
        self._cancelled = cancelled

    def run(
        self, request: LaunchRequest, asked: Sequence[str], log: Path, *, compared: bool = False
    ) -> list[str]:
        """Run it to its end; what it printed.

        Args:
            request: the server configuration, and the devices.
            asked: what to score.
            log: file for its output.
            compared: whether it compares.

        Raises:
            CellFailed: it failed, hung, was cancelled, or has no figures to show.
        """
        self.heed_cancel()
        arguments = tool_arguments(request, self._config, self.known.flags)
        tool = Tool((str(self._path), *arguments, *asked), request.engine, log)
        self.runs.append(tool)
        tool.start()
        silence_s = request.engine.request_timeout_s
        exit_code = tool.wait_heard(silence_s, self._cancelled)
        lines = tool.lines()
        if exit_code is not None:
            chunk_context = self._config.chunk_context
            found = trouble(lines, exit_code, compared=compared, chunk_context=chunk_context)
            if found:
                raise CellFailed(found)
        check_end(exit_code, lines, silence_s, _PROGRAM)
        missing = missing_devices(request.devices, devices_used(lines))
        if missing:
            text = f"{_PROGRAM} ran without {', '.join(missing)}, by its log"
            raise CellFailed(Failure(FailureClass.DEVICE_MISSING, text))
        return lines

    def heed_cancel(self) -> None:
        """For waits.

        Raises:
            CellFailed: the launch is cancelled.
        """
        if self._cancelled.is_set():
            raise CellFailed(Failure(FailureClass.CRASH, "cancelled"))

    @contextmanager
    def baseline_logits(
        self, request: LaunchRequest, baseline: Baseline, corpus: Corpus, log: Path
    ) -> Iterator[Path]:
        """The file of a baseline's answers, from the host's store or made now.

        Raises:
            CellFailed: it cannot be made.
            ModelError: the baseline's file cannot be read.
        """
        model = Path(baseline.file.path)
        if not model.is_file():
            text = f"no baseline {baseline.quant} at {model}: fetch it, or name another"
            raise CellFailed(Failure(FailureClass.MISSING_MODEL, text))
        config = self._config
        cache_k, cache_v = BASELINE_CACHE
        own = replace(request, model=baseline.file, cache_k=cache_k, cache_v=cache_v)

        def make(part: Path) -> None:
            try:
                self.run(own, score_text(corpus.path, config, part), log)
            except CellFailed as error:
                reason = f"baseline {baseline.quant}: {error.failure.reason}"
                raise CellFailed(replace(error.failure, reason=reason)) from error

        sha256 = baseline.file.sha256 or file_sha256(model, HashMemo())
        facts = sha256, corpus.sha256, config.chunk_context, config.chunks, self.known.sha256
        chunks = most_chunks(corpus.path.stat().st_size, config.chunk_context, config.chunks)
        most_bytes = logits_bytes(config.chunk_context, read_header(model).vocab_size or 0, chunks)
        store = LogitsStore(int(config.logits_gib * _GIB))
        key = digest("\n".join(map(str, facts)))
        with store.held(key, most_bytes, make, self.heed_cancel) as path:
            yield path
