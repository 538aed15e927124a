"""Advisory locks that name their holder: for the writer of a warehouse, and for a host."""

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from warehouse.errors import HeldError, WarehouseError
from warehouse.files import explained


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock."""

    pid: int
    host: str
    what: str
    """What for: the name of the sweep."""
    since: datetime
    """Start, UTC."""

    def __str__(self) -> str:
        since = self.since.isoformat(sep=" ", timespec="seconds")
        return f"{self.what} (pid {self.pid} on {self.host}, since {since})"


@contextmanager
def held(
    path: Path,
    holder: Holder,
    *,
    wait: bool,
    on_wait: Callable[[Holder | None], None],
    mode: int = 0o644,
) -> Iterator[None]:
    """Hold the lock at the path while the block runs.

    It is the kernel's (flock), so it goes with the process, however that ends; the holder's
    name lies in the file, and is read only while the lock is held.

    Args:
        path: the lock file; made if missing, never removed. It may belong to another user.
        holder: what others are told.
        wait: whether to wait, without limit, until it is free.
        on_wait: called once before waiting, with the holder where it is known.
        mode: permissions if the file is made here, whatever the umask says.

    Raises:
        HeldError: somebody else holds it, and `wait` is off.
        WarehouseError: the file cannot be opened or written.
    """
    descriptor = _open(path, mode)
    try:
        _acquire(descriptor, path, wait, on_wait)
        with explained(path):
            _write(descriptor, json.dumps(holder_json(holder)).encode())
        try:
            yield
        finally:
            _write(descriptor, b"")
    finally:
        os.close(descriptor)  # releases the lock


def _acquire(
    descriptor: int, path: Path, wait: bool, on_wait: Callable[[Holder | None], None]
) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        other = _read(descriptor)
        if not wait:
            who = other or "another process"
            raise HeldError(f"{path} is held by {who}: stop it, or wait with --wait") from error
        on_wait(other)
        fcntl.flock(descriptor, fcntl.LOCK_EX)


def _open(path: Path, mode: int) -> int:
    try:
        try:
            # Without O_CREAT: in a sticky folder the kernel refuses O_CREAT on another user's file.
            return os.open(path, os.O_RDWR | os.O_NOFOLLOW)
        except FileNotFoundError:
            descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CREAT, mode)
            if os.fstat(descriptor).st_uid == os.geteuid():
                os.fchmod(descriptor, mode)
            return descriptor
    except OSError as error:
        raise WarehouseError(f"cannot lock {path}: {error.strerror}; make it writable") from error


def _write(descriptor: int, content: bytes) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, content, 0)


def holder_json(holder: Holder) -> dict[str, Any]:
    """The holder as JSON has it."""
    return {**asdict(holder), "since": holder.since.isoformat()}


def parse_holder(raw: dict[str, Any]) -> Holder:
    """What `holder_json` made.

    Raises:
        ValueError, KeyError, TypeError: it did not make this.
    """
    since = datetime.fromisoformat(raw["since"])
    return Holder(int(raw["pid"]), str(raw["host"]), str(raw["what"]), since)


def _read(descriptor: int) -> Holder | None:
    try:
        return parse_holder(json.loads(os.pread(descriptor, 4096, 0)))
    except (ValueError, KeyError, TypeError):  # just taken, its holder has not written yet
        return None
