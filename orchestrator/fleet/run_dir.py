"""The run folder: everything of a sweep that must not outlive it."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PREFIX = "herd-run-"
_LOCK = "owner.lock"


@contextmanager
def run_dir() -> Iterator[Path]:
    """A new folder under the system's temporary one, removed at the end.

    Folders whose owner was killed are removed first: their lock is free. The path is short,
    since Ray puts sockets into it and a socket's path is limited to 107 bytes.
    """
    _remove_leftovers()
    path = Path(tempfile.mkdtemp(prefix=_PREFIX))
    # named only once it is held: a sweep that starts at the same time takes it for no leftover
    draft = path / f"{_LOCK}.draft"
    lock = os.open(draft, os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    draft.rename(path / _LOCK)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(lock)


def _remove_leftovers() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        if _is_ownerless(folder / _LOCK):
            shutil.rmtree(folder, ignore_errors=True)


def _is_ownerless(lock: Path) -> bool:
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_NOFOLLOW)
    except OSError:  # removed meanwhile, not made yet, or another user's
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.fstat(descriptor).st_uid == os.geteuid()
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
