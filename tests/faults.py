"""A storage whose process is killed at a chosen step: what is half done stays so."""

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow.fs as pafs

from warehouse.folder import FolderStorage
from warehouse.layout import SUFFIX, TEMPORARY
from warehouse.lock import Holder


@dataclass
class DyingStorage:
    """A folder; the process gets SIGKILL instead of its step number `last`.

    A step is a write (killed half way: what is written under a temporary name is cut) or the
    removal of a file that is there.
    """

    root: Path
    last: int
    steps: int = 0

    def __post_init__(self) -> None:
        self._folder = FolderStorage(self.root)
        self.rewrite_interval_s = self._folder.rewrite_interval_s
        self.name = self._folder.name
        self.arrow_path = self._folder.arrow_path
        self.prepare = self._folder.prepare
        self.exists = self._folder.exists
        self.read = self._folder.read
        self.list_names = self._folder.list_names

    @property
    def filesystem(self) -> pafs.FileSystem:
        return self._folder.filesystem

    def list_tables(self, tables: Iterable[str], suffix: str = SUFFIX) -> dict[str, list[str]]:
        return self._folder.list_tables(tables, suffix)

    def write(self, path: str, content: bytes | memoryview) -> None:
        self.steps += 1
        if self.steps == self.last:
            file = self.root / f"{path}.{os.getpid()}{TEMPORARY}"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(bytes(content)[: len(content) // 2])
            self._die()
        self._folder.write(path, content)

    def delete(self, path: str) -> None:
        if self.exists(path):
            self.steps += 1
            if self.steps == self.last:
                self._die()
        self._folder.delete(path)

    @contextmanager
    def writing(
        self, holder: Holder, *, wait: bool, on_wait: Callable[[Holder | None], None]
    ) -> Iterator["DyingStorage"]:
        with self._folder.writing(holder, wait=wait, on_wait=on_wait):
            yield self

    def _die(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)
