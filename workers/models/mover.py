"""The mover: a Ray actor that gives and takes model files on its host.

A process of its own, at the lowest priority: while it copies, the host actor may be measuring, and
takes times in Python.
"""

import os
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import psutil
import ray

from warehouse.errors import ModelError
from workers.contract import ModelFile
from workers.models.fetching import Fetcher, Wanted
from workers.models.hashing import HashMemo, file_sha256
from workers.models.sources import Progress
from workers.models.store import ModelStore
from workers.models.transfer import CHUNK_BYTES, read_chunk
from workers.models.ways import PEER, SHARED, STORE, UPSTREAM
from workers.parent import die_with_parent

_IN_FLIGHT = 4
"""Chunks asked for and not yet written: keeps a link busy, in 16 MiB of memory."""
_CHUNK_TIMEOUT_S = 600.0
_LEAST_NICE = 19


@dataclass(frozen=True, slots=True)
class Stage:
    """What a fetch is doing."""

    text: str
    done_bytes: int
    total_bytes: int | None


@dataclass(frozen=True, slots=True)
class Source:
    """Another host that has the file."""

    host_id: str
    file: ModelFile
    """Where it lies there."""
    mover: Any
    """Its mover's actor handle."""


class FileMover:
    """Fetches model files for its host, and gives those away that it has."""

    def __init__(self, store: str | None, shared: str | None) -> None:
        """Keep out of the way.

        Args:
            store: folder of the model store; None is herd's data folder.
            shared: the folder that hosts share.
        """
        die_with_parent()
        os.nice(_LEAST_NICE)
        psutil.Process().ionice(psutil.IOPRIO_CLASS_IDLE)
        self._memo = HashMemo()
        folder = Path(store).expanduser() if store else None
        self._fetcher = Fetcher(
            ModelStore(folder, self._memo), Path(shared).expanduser() if shared else None
        )
        self._checking = threading.Lock()
        self._known: set[ModelFile] = set()
        self._stage = Stage("starting", 0, None)

    @ray.method(concurrency_group="serve")
    def read_chunk(self, file: ModelFile, offset: int, size: int) -> bytes:
        """A part of a file of which the asker knows path and hash; nothing else is read here.

        Raises:
            ModelError: it is not that file, or cannot be read.
        """
        path = Path(file.path)
        with self._checking:
            if file not in self._known:
                if file_sha256(path, self._memo) != file.sha256:
                    raise ModelError(f"{path} is not the file that it was")
                self._known.add(file)
        return read_chunk(path, offset, size)

    @ray.method(concurrency_group="control")
    def stage(self) -> Stage:
        """What the fetch is doing now."""
        return self._stage

    @ray.method(concurrency_group="fetch")
    def fetch(self, wanted: Wanted, way: str, source: Source | None) -> ModelFile:
        """Get a file in one way.

        Raises:
            ModelError: it cannot be had in this way.
            RayError: the source is lost.
        """
        tell: Progress = self._tell
        if way == STORE:
            return self._fetcher.from_store(wanted, tell)
        if way == SHARED:
            return self._fetcher.from_shared(wanted, tell)
        if way == UPSTREAM:
            return self._fetcher.from_upstream(wanted, tell)
        if way == PEER and source is not None:
            return self._fetcher.from_chunks(
                wanted, lambda offset: _chunks(source, offset), source.host_id, tell
            )
        raise ModelError(f"there is no way '{way}' to a model file")

    def _tell(self, text: str, done: int, total: int | None) -> None:
        self._stage = Stage(text, done, total)


def _chunks(source: Source, offset: int) -> Iterator[bytes]:
    """A file's content from another host, a few chunks asked for ahead."""
    size = source.file.size_bytes or 0
    asked = (
        source.mover.read_chunk.remote(source.file, start, min(CHUNK_BYTES, size - start))
        for start in range(offset, size, CHUNK_BYTES)
    )
    waiting = deque(islice(asked, _IN_FLIGHT))
    while waiting:
        chunk: bytes = ray.get(waiting.popleft(), timeout=_CHUNK_TIMEOUT_S)
        waiting.extend(islice(asked, 1))
        yield chunk


# As a dict: Ray's own annotations do not know concurrency groups.
_OPTIONS: dict[str, Any] = {
    "num_cpus": 0,
    "max_restarts": 0,
    "max_task_retries": 0,
    "concurrency_groups": {"control": 1, "fetch": 1, "serve": 2},
}
FILE_MOVER: Any = ray.remote(**_OPTIONS)(FileMover)
