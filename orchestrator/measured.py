"""Cells that were measured, and those that are to be, as forecasts see them. Pure."""

import json
import math
from dataclasses import dataclass

from workers.workloads.depth_curve.depths import fitting_depths


@dataclass(frozen=True, slots=True)
class Setting:
    """Where and how a server runs: everything but model, context, caches and build."""

    hardware_class: str
    devices: tuple[str, ...]
    """GPU models in split order."""
    split: tuple[float, ...]
    engine: str
    """Flags that change results, canonical JSON."""


@dataclass(frozen=True, slots=True)
class Workload:
    """What a cell does, in tokens."""

    name: str
    config: str
    """Canonical JSON."""
    prompt_tokens: int | None = None
    """Prompt tokens of all trials; None where it cannot be told."""
    generated_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class CellFacts:
    """What a forecast needs to know of a cell."""

    cell_id: str
    model: str
    quant: str
    size_bytes: int | None
    context: int
    cache_k: str
    cache_v: str
    setting: Setting
    workload: Workload


@dataclass(frozen=True, slots=True)
class MeasuredCell:
    """An attempt at a cell that succeeded."""

    facts: CellFacts
    tg_tok_s: float | None
    """Generation speed at an empty cache, tokens per second."""
    pp_tok_s: float | None
    """Prompt speed at an empty cache, tokens per second."""
    seconds: float | None
    """Time of the cell, without the server's start."""
    load_ms: float | None
    """The server's start."""


def workload_tokens(name: str, config: str, context: int) -> Workload:
    """A workload with the tokens of its trials; without, where its config does not tell them.

    Args:
        name: name of the workload.
        config: `identity.workload_facts` of it, or that of an earlier version.
        context: prompts that do not fit it are left out, tokens.
    """
    values = json.loads(config)
    if name == "concurrency":
        requests = sum(set(values["streams"])) * values["requests"] * values["repetitions"]
        return Workload(
            name, config, requests * values["prompt_size"], requests * values["n_predict"]
        )
    if name == "stability":
        fill = math.ceil(context * values["fill_pct"] / 100)
        rounds = values["rounds"]
        return Workload(name, config, rounds * (fill + 1), rounds * values["n_predict"])
    if name == "perplexity":
        chunks = values["chunks"]
        return Workload(name, config, chunks and chunks * values["chunk_context"], 0)
    if name == "depth_curve":
        return _depth_curve_tokens(name, config, context)
    sizes, generated, repetitions = (
        values.get(key) for key in ("prompt_sizes", "n_predict", "repetitions")
    )
    if not (sizes and generated and repetitions):
        return Workload(name, config)
    # a request has to end before the slot is full
    prompts = sum(size for size in set(sizes) if size + 1 < context)
    return Workload(name, config, repetitions * prompts, repetitions * generated)


def _depth_curve_tokens(name: str, config: str, context: int) -> Workload:
    """One prefill of the deepest, and at each depth the least repetitions."""
    values = json.loads(config)
    tail, generated = values["tail"], values["n_predict"]
    depths = fitting_depths(values["depths"], context, max(tail, generated) + 1)
    trials = len(depths) * values["min_repetitions"]
    prompts = max(depths, default=0) + trials * (tail + 1)
    return Workload(name, config, prompts, trials * generated)
