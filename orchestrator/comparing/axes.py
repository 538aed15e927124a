"""What two sides of a comparison may differ in, and what follows from it. Pure."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.launch_speeds import LaunchSpeeds
from warehouse.errors import ConfigError

_OTHER_HOST = (
    *("host_id", "server.hardware_class", "server.devices", "server.tensor_split"),
    *("server.engine_sha256", "server.engine.threads", "server.engine.threads_batch"),
)
_BUILD = ("engine", "engine_build", "server.engine_sha256", "server.engine_build")


@dataclass(frozen=True, slots=True)
class Axis:
    """Something that sides may differ in."""

    value: Callable[[LaunchSpeeds], object]
    decides: tuple[str, ...] = ()
    """Parts of a point that follow from it, and so may differ too."""


AXES: Mapping[str, Axis] = {
    "model": Axis(lambda each: each.model, ("model", "server.model")),
    "quant": Axis(lambda each: each.quant, ("quant", "server.model")),
    "context": Axis(lambda each: each.context, ("context", "server.context")),
    "cache": Axis(lambda each: f"{each.cache_k}/{each.cache_v}", ("cache", "server.cache")),
    "pairing": Axis(
        lambda each: each.pairing, ("pairing", "split", "server.devices", "server.tensor_split")
    ),
    "split": Axis(lambda each: each.split, ("split", "server.tensor_split")),
    "host": Axis(lambda each: each.host_id, (*_OTHER_HOST, "pairing", "split")),
    "hardware_class": Axis(lambda each: each.hardware_class, (*_OTHER_HOST, "pairing", "split")),
    "engine": Axis(lambda each: each.engine, (*_BUILD, "server.engine")),
    "engine_build": Axis(lambda each: each.engine_build, _BUILD),
    "workload": Axis(lambda each: each.workload, ("workload", "workload_config")),
    "source": Axis(lambda each: each.source, ()),
}
FILTERS: Mapping[str, Axis] = {
    **AXES,
    "step": Axis(lambda each: each.step),
    "kind": Axis(lambda each: each.kind),
    "depth": Axis(lambda each: each.depth),
}


def axis_of(key: str, known: Mapping[str, Axis] = AXES) -> Axis:
    """An axis by name; `engine.ubatch_size` and the like are read from what was hashed.

    Raises:
        ConfigError: there is no such axis.
    """
    if key in known:
        return known[key]
    group, _, field = key.partition(".")
    if group == "engine" and field:
        return Axis(lambda each: _engine(each).get(field), (f"server.{key}",))
    if group == "workload" and field:
        decides = (f"workload_config.{field}",)
        return Axis(lambda each: json.loads(each.workload_config).get(field), decides)
    raise ConfigError(f"'{key}' is none of {', '.join(known)}, engine.FIELD, workload.FIELD")


def _engine(each: LaunchSpeeds) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(each.server_config)["engine"]
    return facts


def text(value: object) -> str:
    """A value of an axis as it is written on the command line."""
    return value if isinstance(value, str) else json.dumps(value)
