"""Identity of cells and server configurations: hashes of what decides the result. Pure.

Never hashed: job numbers, host names, paths, ports, keys, log flags, times.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args, get_type_hints

from orchestrator.pairing import Pairing
from warehouse.canonical import canonical, digest
from workers.contract import WorkloadConfig
from workers.engine.config import EngineConfig

_HINTS: dict[str, Any] = {
    name: hint
    for name, hint in get_type_hints(EngineConfig).items()
    if name not in EngineConfig.NOT_IDENTITY and name in EngineConfig.__dataclass_fields__
}
"""Types of the fields that change results."""


@dataclass(frozen=True, slots=True)
class ServerIdentity:
    """What decides a server's result, by canonical JSON, and its hash."""

    server_id: str
    config: str


def engine_facts(engine: EngineConfig) -> dict[str, object]:
    """The fields of an engine configuration that change results.

    What is left out of the command line is left out here too, so that a flag that a later
    version knows does not disown what was measured without it.
    """
    # vars, not asdict: that one copies every value, half the time of planning.
    return {
        key: value
        for key, value in vars(engine).items()
        if value is not None and key not in EngineConfig.NOT_IDENTITY
    }


def engine_of(facts: Mapping[str, object]) -> EngineConfig:
    """The configuration of which these are `engine_facts`, as far as they tell it.

    Fields that are not among them were left out of the command line; facts that this version
    does not know are left out here.
    """
    left_out = {name: None for name, hint in _HINTS.items() if type(None) in get_args(hint)}
    known: dict[str, Any] = {name: value for name, value in facts.items() if name in _HINTS}
    return EngineConfig(**{**left_out, **known})


def server_identity(
    *,
    model: str,
    context: int,
    cache_k: str,
    cache_v: str,
    pairing: Pairing,
    engine: dict[str, object],
    engine_sha256: str,
    hardware_class: str,
) -> ServerIdentity:
    """Identity of a server configuration on a hardware class.

    Args:
        model: sha256 of the file, or a name for a file that is nowhere.
        context: tokens.
        cache_k: KV cache type of K.
        cache_v: KV cache type of V.
        pairing: devices enter as GPU models in split order.
        engine: `engine_facts` with every auto value resolved.
        engine_sha256: hash of the binary and its libraries, or a name for a missing one.
        hardware_class: hosts that are alike for benchmarking.
    """
    config = canonical(
        {
            "model": model,
            "context": context,
            "cache": [cache_k, cache_v],
            "devices": _devices(pairing),
            "tensor_split": pairing.split,
            "engine": engine,
            "engine_sha256": engine_sha256,
            "hardware_class": hardware_class,
        }
    )
    return ServerIdentity(digest(config), config)


def _devices(pairing: Pairing) -> list[str]:
    """GPU models in split order; a pattern that found none is no CPU run."""
    if not pairing.devices and pairing.pattern != "cpu":
        return [f"nowhere:{pairing.pattern}"]
    own = [device.description for device in pairing.devices]
    return own + [f"rpc:{each.device.description}" for each in pairing.remote]


def workload_facts(workload: WorkloadConfig) -> str:
    """A workload's configuration with its method version, canonical JSON."""
    left_out = getattr(workload, "NOT_IDENTITY", frozenset[str]())
    decides = {key: value for key, value in vars(workload).items() if key not in left_out}
    return canonical({**decides, "method_version": workload.METHOD_VERSION})


def cell_identity(server_id: str, workload: str) -> str:
    """Identity of a cell: a server configuration and `workload_facts`."""
    return digest(f"{server_id}\n{workload}")
