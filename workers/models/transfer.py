"""A model file from one place to another: in chunks, resumable, checked by its hash.

Memory is bounded by the chunks in flight; what is written goes to the disk as it comes, so that
a file larger than the RAM leaves no heap of dirty pages behind for the next measurement.
"""

import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from warehouse.errors import ModelError
from workers.models.sources import Progress

CHUNK_BYTES = 1 << 22
"""Read, sent and written at once."""
_SYNC_EVERY_BYTES = 1 << 28
_GIB = 2**30

Chunks = Callable[[int], Iterator[bytes]]
"""A file's content from an offset on."""


class WrongContentError(ModelError):
    """What came is not the file that was named; it is removed."""


def receive(
    chunks: Chunks, part: Path, *, size_bytes: int, sha256: str, progress: Progress, stage: str
) -> None:
    """Write a file's content to `part`, going on after what an earlier call left there.

    Left-overs that turn out to be of another file are dropped, and it starts once more.

    Args:
        chunks: where the content comes from.
        part: the unfinished file; it stays where the transfer breaks off.
        size_bytes: of the whole.
        sha256: of the whole.
        progress: called with bytes.
        stage: what `progress` is told.

    Raises:
        WrongContentError: what came has another hash.
        ModelError: the disk has no room for it.
        OSError: it cannot be written.
    """
    resumed = part.exists() and part.stat().st_size > 0
    check_space(part.parent, size_bytes - (part.stat().st_size if resumed else 0), part.name)
    try:
        found = _append(chunks, part, size_bytes, lambda done: progress(stage, done, size_bytes))
        if found != sha256 and resumed:
            part.unlink()
            found = _append(
                chunks, part, size_bytes, lambda done: progress(stage, done, size_bytes)
            )
    except OSError as error:
        if error.errno == errno.ENOSPC:
            # the disk is of use to others again
            part.unlink(missing_ok=True)
            raise ModelError(f"disk full while writing {part.name} to {part.parent}") from error
        raise
    if found != sha256:
        part.unlink()
        raise WrongContentError(f"{stage}: what came has sha256 {found}, wanted was {sha256}")


def _append(chunks: Chunks, part: Path, size_bytes: int, tell: Callable[[int], None]) -> str:
    """The hash of the whole file, once it is complete."""
    digest = hashlib.sha256()
    done = _digested(part, digest.update, size_bytes)
    tell(done)
    synced = done
    with part.open("ab", buffering=0) as out:
        for chunk in chunks(done):
            _write_all(out.fileno(), chunk)
            digest.update(chunk)
            done += len(chunk)
            tell(done)
            if done - synced >= _SYNC_EVERY_BYTES:
                _put_on_disk(out.fileno(), synced, done)
                synced = done
        _put_on_disk(out.fileno(), synced, done)
    return digest.hexdigest()


def _digested(part: Path, update: Callable[[bytes], None], size_bytes: int) -> int:
    """Feed what is there to the hash; more than there should be is no beginning of it."""
    if not part.exists():
        return 0
    if part.stat().st_size > size_bytes:
        part.unlink()
        return 0
    done = 0
    for chunk in read_from(part, 0):
        update(chunk)
        done += len(chunk)
    return done


def _write_all(descriptor: int, chunk: bytes) -> None:
    left = memoryview(chunk)
    while left:
        left = left[os.write(descriptor, left) :]


def _put_on_disk(descriptor: int, start: int, end: int) -> None:
    """Write it out and let its pages go: they would push out what a measurement needs."""
    os.fdatasync(descriptor)
    os.posix_fadvise(descriptor, start, end - start, os.POSIX_FADV_DONTNEED)


def read_from(path: Path, offset: int) -> Iterator[bytes]:
    """A file's content from an offset on, in chunks."""
    with path.open("rb", buffering=0) as stream:
        stream.seek(offset)
        while chunk := stream.read(CHUNK_BYTES):
            yield chunk


def read_chunk(path: Path, offset: int, size: int) -> bytes:
    """So many bytes of a file, fewer at its end; what a host answers another one.

    Raises:
        ModelError: it cannot be read, or that is more than a chunk.
    """
    if not 0 <= size <= CHUNK_BYTES or offset < 0:
        raise ModelError(f"{path.name}: a chunk has at most {CHUNK_BYTES} bytes, not {size}")
    try:
        with path.open("rb", buffering=0) as stream:
            stream.seek(offset)
            return stream.read(size)
    except OSError as error:
        raise ModelError(f"model file {path}: {(error.strerror or str(error)).lower()}") from error


def check_space(folder: Path, needed_bytes: int, name: str) -> None:
    """See that the disk has room.

    Raises:
        ModelError: it has not.
    """
    free = shutil.disk_usage(folder).free
    if needed_bytes > free:
        raise ModelError(
            f"{name} needs {needed_bytes / _GIB:.2f} GiB more on the disk of {folder}, which has"
            f" {free / _GIB:.2f} GiB free: make room there"
        )
