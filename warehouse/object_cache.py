"""Small objects for Arrow, fetched whole and many at once: a request costs more than its bytes."""

import threading
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NoReturn

import pyarrow as pa
import pyarrow.fs as pafs

SMALL_BYTES = 4 * 2**20
"""Up to here an object is fetched whole; what is larger is read in parts."""
WINDOW = 256
"""Objects that are fetched ahead when one of a table is asked for: a scan opens them in order."""
KEPT_BYTES = 256 * 2**20


class ObjectCache:
    """Objects by key, for many threads. They never change, so what was fetched stays right."""

    def __init__(self, filesystem: pafs.FileSystem, pool: ThreadPoolExecutor) -> None:
        self.filesystem = filesystem
        self._pool = pool
        self._lock = threading.Lock()
        self._bytes: dict[str, int] = {}
        self._order: dict[str, Sequence[str]] = {}
        self._fetched: dict[str, Future[pa.Buffer]] = {}

    def expect(self, table: str, found: Mapping[str, int]) -> None:
        """Say what lies in a table, bytes by key: what a scan of it will open.

        Args:
            table: what the keys begin with, before `/date=YYYY-MM-DD/name`.
            found: all that lies there.
        """
        with self._lock:
            self._bytes.update(found)
            self._order[table] = sorted(key for key, size in found.items() if size <= SMALL_BYTES)

    def open(self, key: str) -> pa.NativeFile:
        """The object as a file.

        Raises:
            OSError: it cannot be read.
        """
        with self._lock:
            fetched = self._fetched.get(key) or self._fetch_from(key)
        if fetched is None:
            return self.filesystem.open_input_file(key)
        try:
            return pa.BufferReader(fetched.result())
        except OSError:
            with self._lock:
                self._fetched.pop(key, None)
            raise

    def _fetch_from(self, key: str) -> "Future[pa.Buffer] | None":
        order = self._order.get(key.rsplit("/", 2)[0], ())
        start = bisect_left(order, key)
        ahead = order[start : start + WINDOW]
        if not ahead or ahead[0] != key:
            return None
        self._make_room()
        for each in ahead:
            if each not in self._fetched:
                self._fetched[each] = self._pool.submit(self._fetch, each)
        return self._fetched[key]

    def _fetch(self, key: str) -> pa.Buffer:
        with self.filesystem.open_input_stream(key) as stream:
            return stream.read_buffer()

    def _make_room(self) -> None:
        """Drop what was fetched first where all together is too much."""
        kept = sum(self._bytes[key] for key in self._fetched)
        while kept > KEPT_BYTES:
            oldest = next(iter(self._fetched))
            kept -= self._bytes[oldest]
            del self._fetched[oldest]


def cached_filesystem(cache: ObjectCache) -> pafs.FileSystem:
    """What Arrow scans data sets through."""
    return pafs.PyFileSystem(_Reading(cache))


class _Reading(pafs.FileSystemHandler):
    """Opens objects out of the cache; a scan asks for nothing else."""

    def __init__(self, cache: ObjectCache) -> None:
        self._cache = cache

    def get_type_name(self) -> str:
        return "objects"

    def normalize_path(self, path: str) -> str:
        return path

    def get_file_info(self, paths: str | list[str]) -> list[pafs.FileInfo]:
        return self._cache.filesystem.get_file_info([paths] if isinstance(paths, str) else paths)

    def get_file_info_selector(self, selector: pafs.FileSelector) -> list[pafs.FileInfo]:
        return self._cache.filesystem.get_file_info(selector)

    def open_input_file(self, path: str) -> pa.NativeFile:
        return self._cache.open(path)

    def open_input_stream(self, path: str) -> pa.NativeFile:
        return self._cache.open(path)

    # pyarrow asks for all of these methods.
    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise OSError("a scan writes nothing")

    create_dir = delete_dir = delete_dir_contents = delete_root_dir_contents = _refuse
    delete_file = move = copy_file = open_output_stream = open_append_stream = _refuse
