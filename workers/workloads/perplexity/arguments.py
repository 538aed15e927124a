"""llama-perplexity's command line for a server configuration: pure."""

from collections.abc import Collection, Sequence
from pathlib import Path

from workers.contract import LaunchRequest
from workers.engine.flags import pinned_flags, server_arguments
from workers.workloads.perplexity.config import PerplexityConfig

_OWN = frozenset({"--parallel"})
"""It decides these itself: as many chunks at a time as a batch holds."""
_LOG = ("--log-verbosity", "4", "--log-prefix", "--log-timestamps", "--log-colors", "off")


def tool_arguments(
    request: LaunchRequest, config: PerplexityConfig, known_flags: Collection[str]
) -> list[str]:
    """What every run of it has: the server's flags, as far as it has them too.

    It reads flags as llama-server does; those that it lacks (slots, caches of prompts, HTTP)
    change none of its figures.

    Args:
        request: the server configuration.
        config: of the workload.
        known_flags: those of the tool.
    """
    asked = server_arguments(
        request.engine,
        model_path=request.model.path,
        context=config.chunk_context,
        cache_k=request.cache_k,
        cache_v=request.cache_v,
        devices=request.devices,
        tensor_split=request.tensor_split,
        known_flags=frozenset(known_flags),
    )
    return [*known_only(asked, known_flags), *known_only(_LOG, known_flags)]


def score_text(text: Path, config: PerplexityConfig, logits: Path | None = None) -> list[str]:
    """Score a text; the logits of all scored tokens are written to `logits`."""
    chunks = [] if config.chunks is None else ["--chunks", str(config.chunks)]
    save = [] if logits is None else ["--kl-divergence-base", str(logits)]
    return ["--file", str(text), *chunks, *save]


def compare_with(logits: Path) -> list[str]:
    """Score the text that lies in a file of logits, against these."""
    return ["--kl-divergence", "--kl-divergence-base", str(logits)]


def known_only(arguments: Sequence[str], known_flags: Collection[str]) -> list[str]:
    """The flags that are known, with their values."""
    kept: list[str] = []
    keeps = False
    for word in arguments:
        if pinned_flags([word]):
            keeps = word in known_flags and word not in _OWN
        if keeps:
            kept.append(word)
    return kept
