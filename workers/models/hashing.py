"""Hashes of model files, remembered so that a file of 20 GB is read once and not at each plan."""

import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from platformdirs import user_state_path

from warehouse.errors import ModelError

_CHUNK_BYTES = 1 << 22
_BUSY_TIMEOUT_S = 30.0


class HashMemo:
    """Hashes by path, size and time of change, in a folder; safe with several processes.

    Args:
        folder: where to remember; None is herd's state folder (XDG).
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._file = (folder or user_state_path("herd")) / "file-hashes.sqlite"

    def get(self, path: Path, status: os.stat_result) -> str | None:
        """The hash of a file that has not changed since it was put in, or None."""
        with self._open() as database:
            row = database.execute(
                "SELECT sha256 FROM hashes WHERE path = ? AND size = ? AND mtime_ns = ?",
                (str(path), status.st_size, status.st_mtime_ns),
            ).fetchone()
        return None if row is None else str(row[0])

    def put(self, path: Path, status: os.stat_result, sha256: str) -> None:
        """Remember a hash; an older one of the same path is forgotten."""
        with self._open() as database:
            database.execute(
                "INSERT OR REPLACE INTO hashes VALUES (?, ?, ?, ?)",
                (str(path), status.st_size, status.st_mtime_ns, sha256),
            )

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with (
                closing(sqlite3.connect(self._file, timeout=_BUSY_TIMEOUT_S)) as database,
                database,
            ):
                database.execute(
                    "CREATE TABLE IF NOT EXISTS hashes"
                    " (path TEXT PRIMARY KEY, size INTEGER, mtime_ns INTEGER, sha256 TEXT)"
                )
                yield database
        except (OSError, sqlite3.Error) as error:
            raise ModelError(
                f"cannot use {self._file} ({error}): delete it, or make its folder writable"
            ) from error


def known_sha256(path: Path, memo: HashMemo) -> str | None:
    """The sha256 of a file if it is remembered; never reads the file."""
    try:
        real = path.resolve()
        return memo.get(real, real.stat())
    except OSError:
        return None


def file_sha256(
    path: Path, memo: HashMemo, progress: Callable[[int, int], None] | None = None
) -> str:
    """The sha256 of a file, from the memo or else computed and remembered.

    Args:
        path: the file; links are followed.
        memo: where hashes are remembered.
        progress: called with the bytes read so far and the size of the file.

    Raises:
        ModelError: no readable file, it changed meanwhile, or the memo cannot be used.
    """
    try:
        real = path.resolve()
        status = real.stat()
        known = memo.get(real, status)
        if known is not None:
            return known
        sha256 = _compute(real, status.st_size, progress)
        after = real.stat()
    except OSError as error:
        raise ModelError(f"model file {path}: {(error.strerror or str(error)).lower()}") from error
    if (after.st_size, after.st_mtime_ns) != (status.st_size, status.st_mtime_ns):
        raise ModelError(f"model file {path} changed while it was read: wait until it is complete")
    memo.put(real, status, sha256)
    return sha256


def _compute(path: Path, size: int, progress: Callable[[int, int], None] | None) -> str:
    digest = hashlib.sha256()
    done = 0
    with path.open("rb", buffering=0) as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
            done += len(chunk)
            if progress:
                progress(done, size)
    return digest.hexdigest()
