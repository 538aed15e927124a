"""The progress of a running sweep in its warehouse, where `herd status` reads it."""

import json
import time
from typing import Any

from orchestrator.progress import Progress
from warehouse.storage import Storage

FOLDER = "progress"
_SUFFIX = ".json"


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
        self._storage.write(self._path, progress.to_json().encode())


def read_progress(storage: Storage, sweep_id: str | None) -> list[dict[str, Any]]:
    """What was last written of each sweep, or of one, by sweep id."""
    names = sorted(storage.list_names(FOLDER, _SUFFIX))
    wanted = [n for n in names if sweep_id in (None, n.removesuffix(_SUFFIX))]
    contents = [storage.read(f"{FOLDER}/{name}") for name in wanted]
    return [json.loads(content) for content in contents if content is not None]
