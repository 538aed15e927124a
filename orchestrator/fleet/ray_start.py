"""What a supervisor runs: `ray start` of the head and of a node, as specs. Pure."""

from typing import Any

from orchestrator.fleet.ports import Ports
from workers.node.environment import ray_environment
from workers.node.supervisor import NODE_IP

_OBJECT_STORE_BYTES = 75 * 1024 * 1024
HEALTH_CHECK = {
    "RAY_health_check_initial_delay_ms": "5000",
    "RAY_health_check_period_ms": "5000",
    "RAY_health_check_timeout_ms": "5000",
    "RAY_health_check_failure_threshold": "4",
}
"""Of the head: a host that does not answer for 20 to 30 s is lost. A benchmark that takes all
cores can keep a raylet waiting, so not less; Ray's own default takes 63 s."""


def head_spec(
    address: str, label: str, ports: Ports, token_path: str, health: dict[str, str]
) -> dict[str, Any]:
    """The head, which is a host of the fleet too.

    Args:
        address: IP by which nodes reach it.
        label: of the driver's own host.
        ports: of the cluster.
        token_path: file of its token.
        health: environment that says when a host counts as lost (`HEALTH_CHECK`).
    """
    arguments = ["--head", f"--port={ports.head}", f"--node-ip-address={address}"]
    arguments += ["--include-dashboard=false", "--no-monitor"]
    return {
        "head": [],
        "arguments": [*_start(), *arguments, *_common({"host": label}, ports)],
        "environment": {**ray_environment(token_path), **health},
    }


def node_spec(head: str, label: str, code_digest: str, ports: Ports) -> dict[str, Any]:
    """A node; its token's path and its PYTHONPATH are added where it is installed.

    Args:
        head: IP of the head.
        label: of the host.
        code_digest: of the code that its actors run.
        ports: of the cluster.
    """
    arguments = [f"--address={head}:{ports.head}", f"--node-ip-address={NODE_IP}"]
    labels = {"host": label, "herd-code": code_digest}
    return {
        "head": [head, ports.head],
        "arguments": [*_start(), *arguments, *_common(labels, ports)],
        "environment": ray_environment(""),
    }


def _start() -> list[str]:
    return ["-m", "ray.scripts.scripts", "start", "--block"]


def _common(labels: dict[str, str], ports: Ports) -> list[str]:
    return [
        # GPUs are leased by the driver, which knows each; Ray would count them as alike
        "--num-gpus=0",
        "--num-cpus=1",
        "--labels=" + ",".join(f"{key}={value}" for key, value in labels.items()),
        "--include-log-monitor=false",
        f"--object-store-memory={_OBJECT_STORE_BYTES}",
        "--disable-usage-stats",
        "--log-style=record",
        *ports.start_flags(),
    ]
