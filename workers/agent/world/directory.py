"""The agent's directory: no path leads out of it, and no link is followed.

Each part of a path is opened below its folder with O_NOFOLLOW, so that a link which somebody else
puts there between two looks is not followed either.
"""

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from workers.agent.world.errors import ToolRefusedError

FILE_BYTES_MAX = 4 * 2**20
ALL_BYTES_MAX = 24 * 2**20
FILES_MAX = 500
_DEPTH_MAX = 8
_NAME_BYTES_MAX = 120
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def checked(path: str) -> list[str]:
    """The parts of a relative path.

    Raises:
        ToolRefusedError: it is absolute, leads upwards, or is no name.
    """
    if path.startswith("/"):
        raise ToolRefusedError(f"{path}: give a relative path, like notes.txt")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise ToolRefusedError(f"{path}: it leads out of the directory")
    fits = len(parts) <= _DEPTH_MAX and all(
        len(part.encode("utf-8", "replace")) <= _NAME_BYTES_MAX for part in parts
    )
    if not parts or not fits or not path.isprintable():
        raise ToolRefusedError(f"{path[:100]!r}: it is no path of a file")
    return parts


class Directory:
    """A folder of the host, seen by its relative paths."""

    def __init__(self, root: Path) -> None:
        """Args: root: the folder, made if it is not there."""
        root.mkdir(parents=True, exist_ok=True)
        self._root = root

    def read(self, path: str) -> bytes:
        """A file.

        Raises:
            ToolRefusedError: there is none, it is a link or a folder, or too large.
        """
        parts = checked(path)
        try:
            with self._below(parts[:-1]) as folder, _opened(parts[-1], os.O_RDONLY, folder) as file:
                content = _read(file)
        except OSError as error:
            raise ToolRefusedError(f"{path}: {_said(error)}") from None
        if len(content) > FILE_BYTES_MAX:
            raise ToolRefusedError(f"{path}: the file is too large")
        return content

    def write(self, path: str, content: bytes) -> None:
        """Make or replace a file, with the folders that it needs.

        Raises:
            ToolRefusedError: a link or a folder is in its place, or it is too much.
        """
        parts = checked(path)
        others = [size for name, size in self.sizes() if name != "/".join(parts)]
        if len(content) > FILE_BYTES_MAX or sum(others) + len(content) > ALL_BYTES_MAX:
            raise ToolRefusedError(f"{path}: too large")
        if len(others) >= FILES_MAX:
            raise ToolRefusedError(f"{path}: there are {FILES_MAX} files, no more fit")
        try:
            with (
                self._below(parts[:-1], make=True) as folder,
                _opened(parts[-1], os.O_WRONLY | os.O_CREAT, folder) as file,
            ):
                os.ftruncate(file, 0)
                _write(file, content)
        except OSError as error:
            raise ToolRefusedError(f"{path}: {_said(error)}") from None

    def remove(self, path: str) -> None:
        """Remove a file or a link that is there."""
        parts = checked(path)
        with self._below(parts[:-1]) as folder:
            os.unlink(parts[-1], dir_fd=folder)

    def sizes(self) -> list[tuple[str, int]]:
        """Regular files with their bytes, sorted."""
        return sorted((path, size) for path, size, kind in self._walk() if kind == "file")

    def contents(self) -> tuple[Mapping[str, bytes], tuple[str, ...]]:
        """Regular files, each cut at the size limit, and the paths of links."""
        found = list(self._walk())
        files = {}
        for path, _, kind in sorted(found):
            if kind == "file":
                parts = path.split("/")
                with (
                    self._below(parts[:-1]) as folder,
                    _opened(parts[-1], os.O_RDONLY, folder) as file,
                ):
                    files[path] = _read(file)[:FILE_BYTES_MAX]
        return files, tuple(sorted(path for path, _, kind in found if kind == "link"))

    @contextmanager
    def _below(self, folders: list[str], *, make: bool = False) -> Iterator[int]:
        with ExitStack() as stack:
            here = os.open(self._root, _FOLDER)
            stack.callback(os.close, here)
            for name in folders:
                if make:
                    _make(name, here)
                here = os.open(name, _FOLDER, dir_fd=here)
                stack.callback(os.close, here)
            yield here

    def _walk(self) -> Iterator[tuple[str, int, str]]:
        for folder, _, names, descriptor in os.fwalk(self._root, follow_symlinks=False):
            below = os.path.relpath(folder, self._root)
            for name in (*names, *_links(descriptor)):
                found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
                path = name if below == "." else f"{below}/{name}"
                kind = "file" if stat.S_ISREG(found.st_mode) else "other"
                yield path, found.st_size, "link" if stat.S_ISLNK(found.st_mode) else kind


def _links(folder: int) -> list[str]:
    """Links to folders: os.fwalk counts them among the folders."""
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries if entry.is_symlink() and entry.is_dir()]


def _make(name: str, folder: int) -> None:
    try:
        os.mkdir(name, 0o700, dir_fd=folder)
    except FileExistsError:
        return


@contextmanager
def _opened(name: str, flags: int, folder: int) -> Iterator[int]:
    descriptor = os.open(name, flags | _FILE, 0o600, dir_fd=folder)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise IsADirectoryError
        yield descriptor
    finally:
        os.close(descriptor)


def _read(file: int) -> bytes:
    with os.fdopen(os.dup(file), "rb") as source:
        return source.read(FILE_BYTES_MAX + 1)


def _write(file: int, content: bytes) -> None:
    with os.fdopen(os.dup(file), "wb") as out:
        out.write(content)


def _said(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, IsADirectoryError):
        return "it is not a file"
    return "it is not a file, or a link is in its way"
