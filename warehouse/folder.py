"""A warehouse in a folder: of this host, or one that several hosts share."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from warehouse import files
from warehouse.layout import LOCK, SUFFIX
from warehouse.lock import Holder, held

if TYPE_CHECKING:
    import pyarrow.fs as pafs


@dataclass(frozen=True, slots=True)
class FolderStorage:
    """Files below a folder; asks for nothing but rename, fsync and flock of its file system."""

    root: Path

    @property
    def rewrite_interval_s(self) -> float:
        """How often one file may be written anew without being a burden."""
        return 0.5

    def name(self, path: str = "") -> str:
        """Full name of a file, or of the root, for messages."""
        return str(self.root / path)

    def arrow_path(self, path: str) -> str:
        """The path that `filesystem` knows the file by."""
        return str(self.root / path)

    @property
    def filesystem(self) -> "pafs.FileSystem":
        """What Arrow reads data sets through."""
        # Arrow takes a fifth of a second to load, and who looks for the marker needs none of it
        import pyarrow.fs as pafs

        return pafs.LocalFileSystem()

    def prepare(self) -> None:
        """Make the folder, with its parents."""
        files.make_folder(self.root)

    def exists(self, path: str) -> bool:
        """Whether the file is there."""
        with files.explained(self.root / path):
            return (self.root / path).is_file()

    def read(self, path: str) -> bytes | None:
        """The whole file; None where there is none."""
        with files.explained(self.root / path):
            try:
                return (self.root / path).read_bytes()
            except FileNotFoundError:
                return None

    def write(self, path: str, content: bytes | memoryview) -> None:
        """Let the file appear at once and whole, in place of one of that name."""
        files.write_file(self.root / path, content)

    def delete(self, path: str) -> None:
        """Remove the file, if it is there."""
        with files.explained(self.root / path):
            (self.root / path).unlink(missing_ok=True)

    def list_names(self, folder: str, suffix: str) -> list[str]:
        """Names of the files that lie right in the folder; none where it is missing."""
        with files.explained(self.root / folder):
            try:
                return [e.name for e in (self.root / folder).iterdir() if e.name.endswith(suffix)]
            except FileNotFoundError:
                return []

    def list_tables(self, tables: Iterable[str], suffix: str = SUFFIX) -> dict[str, list[str]]:
        """Files in the `date=` folders of each table, as `date=YYYY-MM-DD/name`."""
        return {table: files.list_files(self.root / table, suffix) for table in tables}

    @contextmanager
    def writing(
        self, holder: Holder, *, wait: bool, on_wait: Callable[[Holder | None], None]
    ) -> Iterator["FolderStorage"]:
        """Be the one writer while the block runs: a lock of the kernel, gone with the process."""
        with held(self.root / LOCK, holder, wait=wait, on_wait=on_wait):
            yield self
