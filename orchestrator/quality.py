"""What the workload `perplexity` asks of a configuration and of a host's memory."""

from dataclasses import replace

from orchestrator.memory.server import ServerShape
from warehouse.errors import ConfigError, EngineError
from workers.engine.config import EngineConfig
from workers.perplexity_tool import find_tool
from workers.workloads.perplexity.config import PerplexityConfig
from workers.workloads.perplexity.corpus import with_hash

_LEAST_CHUNK = 16


def check_perplexity(
    workload: PerplexityConfig, engine: EngineConfig, context: int
) -> PerplexityConfig:
    """The workload with the hash of its text.

    Args:
        workload: as configured.
        engine: of the cell.
        context: of the cell, tokens.

    Raises:
        ConfigError: a value is wrong, there is no such text, or no host can have the tool.
    """
    if not _LEAST_CHUNK <= workload.chunk_context <= context:
        raise ConfigError(
            f"workload.chunk_context={workload.chunk_context}: write {_LEAST_CHUNK} to the cell's "
            f"context, {context}"
        )
    if workload.chunks is not None and workload.chunks < 1:
        raise ConfigError(f"workload.chunks={workload.chunks}: write 1 or more, or null")
    if not workload.logits_gib >= 0:
        raise ConfigError(f"workload.logits_gib={workload.logits_gib:g}: write a number from 0 up")
    if engine.perplexity_binary is None and engine.binary.startswith("package:"):
        _check_package(engine)
    return with_hash(workload)


def _check_package(engine: EngineConfig) -> None:
    """A package is the same on every host."""
    try:
        find_tool(engine)
    except EngineError as error:
        raise ConfigError(
            "workload=perplexity needs engine.perplexity_binary=/path/to/llama-perplexity: "
            f"{engine.binary} has none"
        ) from error


def scoring(server: ServerShape, chunk_context: int) -> ServerShape:
    """What llama-perplexity makes of a server configuration: chunks side by side in a batch.

    Args:
        server: the configuration.
        chunk_context: tokens of a chunk; their second halves' logits are kept.
    """
    chunks = max(1, server.batch // chunk_context)
    context = chunks * chunk_context
    scored = chunks * (chunk_context - chunk_context // 2)
    # a chunk of several batches is copied together
    copied = scored if chunk_context > server.batch else 0
    return replace(
        server,
        context=context,
        parallel=chunks,
        kv_unified=False,
        batch=min(server.batch, context),
        outputs=min(server.batch, scored) + copied,
    )
