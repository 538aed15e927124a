"""The answers of baselines on this host: large files in herd's cache folder, made once.

A file under its final name is whole. Who makes one, or removes one, holds the lock of its name;
who reads one holds a lock on the file itself, and nobody removes it meanwhile.
"""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout
from platformdirs import user_cache_path

from workers.failures import CellFailed, Failure, FailureClass
from workers.workloads.perplexity.logits import is_whole

_GIB = 2**30
_SPARE_BYTES = _GIB
"""To stay free on the disk."""
_SUFFIX = ".logits"
_PART = ".part"


class LogitsStore:
    """A folder of them.

    Args:
        limit_bytes: those that were not used for longest go when there are more; the one in use
            stays, however large.
        root: the folder; None is `logits` in herd's cache folder (XDG).
    """

    def __init__(self, limit_bytes: int, root: Path | None = None) -> None:
        self.root = root or user_cache_path("herd") / "logits"
        self._limit_bytes = limit_bytes

    @contextmanager
    def held(
        self, key: str, size_bytes: int, make: Callable[[Path], None], wait: Callable[[], None]
    ) -> Iterator[Path]:
        """A file that stays while the block runs; made if it is not there.

        Args:
            key: what decides its content, as a file name.
            size_bytes: the most that it may take.
            make: writes it.
            wait: called every moment while somebody else makes it; may raise.

        Raises:
            CellFailed: there is no room for it, or what was written is not whole.
        """
        path = self.root / f"{key}{_SUFFIX}"
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with self._lock(path, wait):
                if not is_whole(path):
                    self._make(path, size_bytes, make)
                os.utime(path)
                descriptor = os.open(path, os.O_RDONLY)
                fcntl.flock(descriptor, fcntl.LOCK_SH)
        except OSError as error:
            text = f"cannot use {self.root}: {error.strerror or error}"
            raise CellFailed(Failure(FailureClass.CRASH, text)) from error
        try:
            yield path
        finally:
            os.close(descriptor)

    @contextmanager
    def _lock(self, path: Path, wait: Callable[[], None]) -> Iterator[None]:
        lock = _lock_of(path)
        while True:
            with suppress(Timeout):
                lock.acquire(timeout=0.1)
                break
            wait()
        try:
            yield
        finally:
            lock.release()

    def _make(self, path: Path, size_bytes: int, make: Callable[[Path], None]) -> None:
        self._make_room(path, size_bytes)
        part = path.with_suffix(_PART)
        try:
            make(part)
            if not is_whole(part):
                text = f"the baseline's logits were not written whole: is {self.root} full?"
                raise CellFailed(Failure(FailureClass.CRASH, text))
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)

    def _make_room(self, path: Path, size_bytes: int) -> None:
        path.unlink(missing_ok=True)
        path.with_suffix(_PART).unlink(missing_ok=True)
        others = sorted(
            (file for file in self.root.iterdir() if file.suffix in (_SUFFIX, _PART)),
            key=lambda file: file.stat().st_mtime,
        )
        total = sum(file.stat().st_size for file in others)
        for file in others:
            short = shutil.disk_usage(self.root).free < size_bytes + _SPARE_BYTES
            if not short and total + size_bytes <= self._limit_bytes:
                break
            size = file.stat().st_size
            if _removed(file):
                total -= size
        free = shutil.disk_usage(self.root).free
        if free < size_bytes + _SPARE_BYTES:
            text = (
                f"the baseline's logits take up to {size_bytes / _GIB:.1f} GiB, {self.root} has "
                f"{free / _GIB:.1f} GiB free: score fewer workload.chunks, or set XDG_CACHE_HOME"
            )
            raise CellFailed(Failure(FailureClass.CRASH, text))


def _lock_of(path: Path) -> FileLock:
    return FileLock(path.with_suffix(".lock"))


def _removed(file: Path) -> bool:
    """Remove a file, unless somebody makes or reads it."""
    lock = _lock_of(file)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return False
    try:
        descriptor = os.open(file, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        else:
            file.unlink()
            return True
        finally:
            os.close(descriptor)
    finally:
        lock.release()
