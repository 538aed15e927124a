"""The ports of a cluster: fixed, so that a firewall can be told. The same on every host."""

from dataclasses import dataclass

FIRST_PORT = 18370
"""Of the head's service; below what Linux hands out by itself (32768 and up)."""
WORKER_PORTS = 64
"""Ports of Ray's workers: one host actor, and room for starts and ends that overlap."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Every port that Ray listens on, counted from the first."""

    first: int = FIRST_PORT

    @property
    def head(self) -> int:
        """The head's service (GCS): on the head's host alone."""
        return self.first

    def start_flags(self) -> list[str]:
        """Flags of `ray start`, without the head's own port."""
        named = (
            "node-manager-port",
            "object-manager-port",
            "runtime-env-agent-port",
            "dashboard-agent-listen-port",
            "dashboard-agent-grpc-port",
            "metrics-export-port",
        )
        flags = [f"--{name}={self.first + 1 + index}" for index, name in enumerate(named)]
        lowest = self.first + 10
        return [
            *flags,
            f"--min-worker-port={lowest}",
            f"--max-worker-port={lowest + WORKER_PORTS - 1}",
        ]
