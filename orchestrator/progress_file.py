"""The progress of a running sweep in its warehouse, where `herd status` reads it."""

import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from orchestrator.progress import Progress
from warehouse.storage import Storage

FOLDER = "progress"
_SUFFIX = ".json"
_SILENT_S = 120.0
"""Of a driver on another host, whose clock may differ."""


class ProgressFile:
    """Written as often as the storage may be asked to, and at the end."""

    def __init__(self, storage: Storage, sweep_id: str) -> None:
        self._storage = storage
        self._path = f"{FOLDER}/{sweep_id}{_SUFFIX}"
        self._next_s = 0.0

    def write(self, progress: Progress) -> None:
        """Write it, unless that was done a moment ago.

        Raises:
            WarehouseError: the storage does not take it.
        """
        now_s = time.monotonic()
        if now_s < self._next_s and not progress.ended:
            return
        self._next_s = now_s + self._storage.rewrite_interval_s
        now = datetime.now(UTC).isoformat()
        content = json.dumps({**progress.to_dict(), "written_at": now})
        self._storage.write(self._path, content.encode())


def state_of(
    progress: Mapping[str, Any], host: str, now: datetime, alive: Callable[[int], bool]
) -> tuple[bool, str]:
    """Whether a sweep that has not ended runs, and that in words. Pure.

    Args:
        progress: as it was read.
        host: name of this host; of another's process only the file tells.
        now: UTC.
        alive: whether a process of this host runs.
    """
    stopped = "was stopped; the same command continues it"
    if progress["host"] == host:
        running = alive(progress["pid"])
        return running, "runs" if running else stopped
    silent_s = (now - datetime.fromisoformat(progress["written_at"])).total_seconds()
    running = silent_s < _SILENT_S
    where = f"on {progress['host']}"
    return running, f"runs {where}" if running else f"{where} is silent for {silent_s:.0f} s"


def read_progress(storage: Storage, sweep_id: str | None) -> list[dict[str, Any]]:
    """What was last written of each sweep, or of one, by sweep id."""
    names = sorted(storage.list_names(FOLDER, _SUFFIX))
    wanted = [n for n in names if sweep_id in (None, n.removesuffix(_SUFFIX))]
    contents = [storage.read(f"{FOLDER}/{name}") for name in wanted]
    return [json.loads(content) for content in contents if content is not None]
