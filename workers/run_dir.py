"""The run folder of a process: everything of a sweep that must not outlive it."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from workers.contract import MEMORY_FOLDER

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - Ray keeps objects there; of ours a private folder
_LEAST_MEMORY_BYTES = 2**30
"""A container may have a few MiB of it, too little for slot files."""
_PREFIX = "herd-run-"
_LOCK = "owner.lock"


@contextmanager
def run_dir() -> Iterator[Path]:
    """A new folder under the system's temporary one, removed at the end.

    Folders whose owner was killed are removed first: their lock is free. The path is short,
    since Ray puts sockets into it and a socket's path is limited to 107 bytes. In it is
    MEMORY_FOLDER, a link to another such folder, where the host has memory for files.
    """
    with ExitStack() as stack:
        path = stack.enter_context(_owned(Path(tempfile.gettempdir())))
        if _has_room(SHARED_MEMORY):
            memory = stack.enter_context(_owned(SHARED_MEMORY))
            (path / MEMORY_FOLDER).symlink_to(memory)
        yield path


def _has_room(parent: Path) -> bool:
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        return False
    return shutil.disk_usage(parent).free >= _LEAST_MEMORY_BYTES


@contextmanager
def _owned(parent: Path) -> Iterator[Path]:
    _remove_leftovers(parent)
    path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
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


def _remove_leftovers(parent: Path) -> None:
    for folder in parent.glob(f"{_PREFIX}*"):
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
