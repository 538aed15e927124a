"""The cluster that a driver joins, if the fleet has one."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from orchestrator.fleet.head import keep_head
from orchestrator.fleet.probe import ClusterNode, probe
from orchestrator.fleet.registry import read_registry
from orchestrator.fleet.token import token_path
from warehouse.errors import FleetError
from workers.node.environment import ray_environment

HOST_LABEL = "host"
"""Ray label of a node with the host's own label: what stays the same when it joins again."""
CODE_LABEL = "herd-code"
"""Ray label with the digest of the code that the node's actors run (`bundle.code_digest`). The
head's own host has none: its actors run the driver's code."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """An existing head, and the way to it."""

    address: str
    """IP:PORT of the head's service (GCS)."""
    node_ip: str
    """IP of the driver's own host in the cluster."""
    token_path: Path
    """File of the token, mode 0600."""

    @classmethod
    def open(cls) -> "Cluster | None":
        """The cluster of this user's fleet; None: no node was ever added.

        Without a node a driver runs Ray embedded. A head that does not run (a reboot without
        systemd) is started again.

        Raises:
            FleetError: the head does not start.
        """
        head = read_registry().head
        if head is None:
            return None
        keep_head(head)
        return cls(f"{head.address}:{head.port}", head.address, token_path())

    def environment(self) -> dict[str, str]:
        """What Ray must find in the environment of a process that joins."""
        return ray_environment(str(self.token_path))

    def nodes(self) -> tuple[ClusterNode, ...]:
        """Every incarnation of every host, the dead ones too; asks the head, joins nothing.

        Raises:
            FleetError: the head does not answer, or not to this token or version of Ray.
        """
        return probe(self.address, self.environment())

    @contextmanager
    def joined(self) -> Iterator[None]:
        """Be a driver of the cluster while the block runs; the head and its nodes live on.

        Raises:
            FleetError: Ray does not let it join.
        """
        self.nodes()  # Ray's own driver would try a wrong token for ever
        os.environ.update(self.environment())
        import ray

        try:
            ray.init(
                address=self.address,
                _node_ip_address=self.node_ip,
                log_to_driver=False,
                logging_level=logging.ERROR,
                configure_logging=False,
            )
        except Exception as error:  # Ray raises plain ones when it cannot connect
            said = " ".join(str(error).split())[:300]
            raise FleetError(f"the cluster at {self.address} lets nobody join: {said}") from error
        try:
            yield
        finally:
            ray.shutdown()
