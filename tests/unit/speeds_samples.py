"""Launches as the view `launch_speeds` gives them, with what a test cares about overridden."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from orchestrator.launch_speeds import LaunchSpeeds

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SERVER = {
    "model": "sha-of-Q4_0",
    "context": 4096,
    "cache": ["f16", "f16"],
    "devices": [],
    "tensor_split": [],
    "engine": {"threads": 2, "ubatch_size": 512},
    "engine_sha256": "e1",
    "hardware_class": "laptop",
}
_numbers = count(1)


def speeds(*values: float, server: dict[str, Any] | None = None, **changes: Any) -> LaunchSpeeds:
    """A launch of its own, later than all before it."""
    number = next(_numbers)
    config = {**SERVER, **(server or {})}
    whole = LaunchSpeeds(
        cell_id=f"c{hash(json.dumps(config))}",
        server_id=f"s{hash(json.dumps(config))}",
        sweep_id="w1",
        launch_id=f"l{number}",
        host_id="alpha",
        hardware_class="laptop",
        model="tiny",
        quant="Q4_0",
        context=4096,
        cache_k="f16",
        cache_v="f16",
        pairing="cpu",
        split=None,
        engine="default",
        engine_build="b1",
        engine_sha256="e1",
        model_sha256=str(config["model"]),
        build="b1",
        server_config=json.dumps(config),
        workload="speed",
        workload_config='{"name":"speed","repetitions":3}',
        other_axes="{}",
        source="measured",
        started_at=START + timedelta(minutes=number),
        ended_at=START + timedelta(minutes=number, seconds=30),
        step="tg128",
        kind="tg",
        depth=0,
        speeds=values,
    )
    return replace(whole, **changes)


def q8(*values: float, **changes: Any) -> LaunchSpeeds:
    """The other quant on the same server."""
    return speeds(*values, quant="Q8_0", server={"model": "sha-of-Q8_0"}, **changes)
