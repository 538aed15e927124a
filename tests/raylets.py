"""Raylets on this machine that stand for hosts: object stores and processes of their own.

They share network and file system; where those matter, hosts are network namespaces. The first
import of Ray must have seen RAY_AUTH_MODE=token in the environment.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import ray
from ray.cluster_utils import Cluster

_RAY = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_enable_metrics_collection": "0",
    "RAY_enable_worker_prestart": "0",
    "RAY_prestart_worker_first_driver": "0",
    "RAY_health_check_initial_delay_ms": "2000",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "2000",
    "RAY_health_check_failure_threshold": "3",
}


class Raylets:
    """Raylets by host label."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self._cluster = cluster
        self._folder = folder
        self._nodes: dict[str, Any] = {}

    def up(self, host_id: str) -> None:
        """Start one, for the first time or again."""
        self._nodes[host_id] = self._cluster.add_node(
            num_cpus=1,
            num_gpus=0,
            object_store_memory=78643200,
            include_dashboard=False,
            labels={"host": host_id},
            temp_dir=str(self._folder / host_id),
        )

    def node_id(self, host_id: str) -> str:
        """Ray's, of the host as it is up now."""
        return str(self._nodes[host_id].node_id)

    def kill(self, host_id: str) -> None:
        """SIGKILL for everything that Ray runs on it."""
        self._cluster.remove_node(self._nodes.pop(host_id), allow_graceful=False)

    def mover(self, host_id: str) -> psutil.Process:
        """Its mover's process."""
        (found,) = self.movers(host_id)
        return found

    def movers(self, host_id: str) -> list[psutil.Process]:
        """Its mover's process, if it has one now."""
        raylet = self._nodes[host_id].all_processes["raylet"][0].process.pid
        children = psutil.Process(raylet).children()
        return [each for each in children if each.name().startswith("ray::FileMover")]


@contextmanager
def raylets(*host_ids: str) -> Iterator[Raylets]:
    """Hosts, and this process as their driver; they ask for a token."""
    folder = Path(tempfile.mkdtemp(prefix="r"))
    (Path(tempfile.gettempdir()) / "ray").mkdir(exist_ok=True)  # for a note of the address
    token = folder / "token"
    token.write_text("5" * 64)
    token.chmod(0o600)
    before = {name: os.environ.get(name) for name in (*_RAY, "RAY_AUTH_TOKEN_PATH")}
    os.environ.update(_RAY, RAY_AUTH_TOKEN_PATH=str(token))
    cluster = Cluster()
    made = Raylets(cluster, folder)
    try:
        for host_id in host_ids:
            made.up(host_id)
        ray.init(address=cluster.address, log_to_driver=False, configure_logging=False)
        yield made
    finally:
        ray.shutdown()
        cluster.shutdown()  # type: ignore[no-untyped-call]  # Ray's own
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
        shutil.rmtree(folder, ignore_errors=True)
