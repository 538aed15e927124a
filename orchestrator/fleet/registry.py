"""The fleet as this user set it up: the head and its nodes, in a file of herd's state folder."""

import fcntl
import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from platformdirs import user_state_path

from warehouse.errors import FleetError

_FILE = "fleet.json"
HEAD = "head"
"""Kind of the driver's own host."""


@dataclass(frozen=True, slots=True)
class HeadRecord:
    """The cluster's head, on the driver's host."""

    address: str
    """IP by which the nodes reach it."""
    port: int
    """Of the head's service (GCS); the others follow it (`orchestrator.fleet.ports`)."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a host was when it was last looked at by `herd node add`."""

    hardware_class: str
    gpus: tuple[str, ...]
    """Names, in the order of the PCI bus."""
    engine_build: str | None
    """What its default llama-server says of its build; None: it has none that works."""
    python: str | None
    driver: str | None


@dataclass(frozen=True, slots=True)
class NodeRecord:
    """A host of the fleet."""

    label: str
    since: datetime
    """When it was added, UTC."""
    kind: str
    """How it is reached: `head` (the driver's own host), `ssh`, or `command` (pasted there)."""
    ssh: str | None = None
    """USER@HOST."""
    ssh_config: str | None = None
    """File for ssh's -F."""
    python: str | None = None
    """Its interpreter."""
    seen: Seen | None = None
    """What it was when it was added."""
    drained: bool = False
    """It finishes what it runs and takes no more."""


@dataclass(frozen=True, slots=True)
class Registry:
    """What `herd node` set up."""

    head: HeadRecord | None = None
    nodes: tuple[NodeRecord, ...] = ()

    def node(self, label: str) -> NodeRecord:
        """The node of that label.

        Raises:
            FleetError: there is none.
        """
        for node in self.nodes:
            if node.label == label:
                return node
        raise FleetError(f"no node '{label}' in the fleet; `herd node list` shows them")

    def has(self, label: str) -> bool:
        """Whether it is one of the fleet's hosts."""
        return any(node.label == label for node in self.nodes)

    @property
    def drained(self) -> frozenset[str]:
        """Labels of hosts that get no more work."""
        return frozenset(node.label for node in self.nodes if node.drained)

    def with_node(self, node: NodeRecord) -> "Registry":
        """With this node added, or in place of the one of its label."""
        others = tuple(other for other in self.nodes if other.label != node.label)
        return replace(self, nodes=(*others, node))

    def without(self, label: str) -> "Registry":
        """Without the node of that label."""
        return replace(self, nodes=tuple(node for node in self.nodes if node.label != label))


def read_registry() -> Registry:
    """What was last written; empty where nothing was. Cheap: a running driver reads it each second.

    Raises:
        FleetError: the file cannot be read.
    """
    path = _path()
    try:
        return _parsed(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return Registry()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FleetError(f"{path} cannot be read ({error}): repair or remove it") from error


def change_registry(change: Callable[[Registry], Registry]) -> Registry:
    """Change it, while nobody else does; the changed one.

    Args:
        change: from what is there to what shall be there; its errors leave everything as it was.

    Raises:
        FleetError: the file cannot be read or written.
    """
    path = _path()
    lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        changed = change(read_registry())
        _write(path, changed)
    except OSError as error:
        raise FleetError(f"{path} cannot be written: {error.strerror}") from error
    finally:
        os.close(lock)
    return changed


def _write(path: Path, registry: Registry) -> None:
    draft = path.with_suffix(".draft")
    with suppress(FileNotFoundError):
        draft.unlink()
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(asdict(registry), file, indent=2, default=datetime.isoformat)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)


def _parsed(raw: dict[str, Any]) -> Registry:
    nodes = tuple(_node(node) for node in raw["nodes"])
    return Registry(HeadRecord(**raw["head"]) if raw["head"] else None, nodes)


def _node(raw: dict[str, Any]) -> NodeRecord:
    seen = raw["seen"]
    if seen is not None:
        seen = Seen(**{**seen, "gpus": tuple(seen["gpus"])})
    return NodeRecord(**{**raw, "since": datetime.fromisoformat(raw["since"]), "seen": seen})


def _path() -> Path:
    return user_state_path("herd", ensure_exists=True) / _FILE
