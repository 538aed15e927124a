"""A warehouse in an object store that speaks S3: the `cells` object alone commits.

There is no rename in such a store, and none is needed: an object appears at once and whole when
its PUT ends. What is written is listed from then on (Amazon's since 2020, and all that are
called strongly consistent); herd builds on that.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from typing import Any

import pyarrow.fs as pafs

from warehouse.layout import SUFFIX
from warehouse.lease import held_lease
from warehouse.lock import Holder
from warehouse.object_cache import ObjectCache, cached_filesystem
from warehouse.object_errors import explained
from warehouse.object_uri import ObjectUri, options_of

_PARALLEL = 32
"""Requests at a time: they wait for the network, not for this host."""


class ObjectStorage:
    """Objects below a prefix of a bucket."""

    rewrite_interval_s = 5.0

    def __init__(self, uri: ObjectUri, before_write: Callable[[], None] = lambda: None) -> None:
        self._uri = uri
        self._before_write = before_write

    def __repr__(self) -> str:
        return f"ObjectStorage({self._uri})"

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(_PARALLEL, thread_name_prefix="objects")

    @cached_property
    def _s3(self) -> pafs.FileSystem:
        options = options_of(os.environ)
        with explained(self.name()):
            if options["region"] is None:
                options["region"] = pafs.resolve_s3_region(self._uri.bucket)
            return pafs.S3FileSystem(**options)

    @cached_property
    def _cache(self) -> ObjectCache:
        return ObjectCache(self._s3, self._pool)

    @cached_property
    def filesystem(self) -> pafs.FileSystem:
        """What Arrow reads data sets through."""
        return cached_filesystem(self._cache)

    def name(self, path: str = "") -> str:
        """Full name of an object, or of the prefix, for messages."""
        return f"s3://{self._uri.key(path)}"

    def arrow_path(self, path: str) -> str:
        """The path that `filesystem` knows the object by."""
        return self._uri.key(path)

    def prepare(self) -> None:
        """See that the prefix can be listed; a bucket is never made."""
        self._list("")

    def exists(self, path: str) -> bool:
        """Whether the object is there."""
        return self.read(path) is not None

    def read(self, path: str) -> bytes | None:
        """The whole object; None where there is none."""
        with explained(self.name(path)):
            try:
                with self._s3.open_input_stream(self._uri.key(path)) as stream:
                    return stream.read()
            except FileNotFoundError:
                self.prepare()  # where there is no bucket, there is no object either
                return None

    def write(self, path: str, content: bytes | memoryview) -> None:
        """Let the object appear at once and whole, in place of one of that name."""
        self._before_write()
        with explained(self.name(path)):
            # Not in this thread: Ctrl-C between open and write would publish an empty object.
            self._pool.submit(self._put, self._uri.key(path), content).result()

    def _put(self, key: str, content: bytes | memoryview) -> None:
        with self._s3.open_output_stream(key) as stream:
            stream.write(content)

    def delete(self, path: str) -> None:
        """Remove the object, if it is there."""
        self._before_write()
        with explained(self.name(path)):
            try:
                self._s3.delete_file(self._uri.key(path))
            except FileNotFoundError:
                return

    def list_names(self, folder: str, suffix: str) -> list[str]:
        """Names of the objects that lie right in the folder."""
        return [name for name in self.list_times(folder) if name.endswith(suffix)]

    def list_tables(self, tables: Iterable[str], suffix: str = SUFFIX) -> dict[str, list[str]]:
        """Objects in the `date=` folders of each table, as `date=YYYY-MM-DD/name`."""
        tables = tuple(tables)
        found = self._pool.map(lambda table: self._list(table, recursive=True), tables)
        return {
            table: self._expected(table, infos, suffix)
            for table, infos in zip(tables, found, strict=True)
        }

    def _expected(self, table: str, infos: list[pafs.FileInfo], suffix: str) -> list[str]:
        base = self._uri.key(table)
        self._cache.expect(base, {info.path: info.size for info in infos})
        paths = (info.path.removeprefix(f"{base}/") for info in infos)
        return [path for path in paths if path.startswith("date=") and path.endswith(suffix)]

    def list_times(self, folder: str) -> dict[str, datetime]:
        """When each object that lies right in the folder was put, by the store's clock."""
        return {info.base_name: info.mtime for info in self._list(folder) if info.mtime}

    def _list(self, folder: str, *, recursive: bool = False) -> list[pafs.FileInfo]:
        selector: Any = pafs.FileSelector(self._uri.key(folder), recursive=recursive)
        with explained(self.name(folder)):
            try:
                found = self._s3.get_file_info(selector)
            except FileNotFoundError:
                return []
        return [info for info in found if info.type == pafs.FileType.File]

    @contextmanager
    def writing(
        self, holder: Holder, *, wait: bool, on_wait: Callable[[Holder | None], None]
    ) -> Iterator["ObjectStorage"]:
        """Be the one writer while the block runs, by a lease that is checked before each write."""
        with held_lease(self, holder, wait=wait, on_wait=on_wait) as lease:
            yield ObjectStorage(self._uri, lease.ensure)
