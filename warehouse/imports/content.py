"""A file to import: read whole within a limit, decoded, and its form told by its beginning."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from warehouse.errors import ImportFileError

_LIMIT_MIB = 256
_SQLITE = b"SQLite format 3\x00"
_OTHER_TEXT = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
_SHOWN = 40
"""Characters of a beginning that an error shows."""


@dataclass(frozen=True, slots=True)
class Content:
    """A file as it was read."""

    path: Path
    sha256: str
    size_bytes: int
    text: str
    """Empty of a SQLite file."""
    is_sqlite: bool

    def error(self, text: str) -> ImportFileError:
        """An error about this file."""
        return ImportFileError(f"{self.path}: {text}")

    @property
    def beginning(self) -> str:
        """Its first characters, to show."""
        return repr(self.text.strip()[:_SHOWN])


def read_content(path: Path) -> Content:
    """Read a file that is to be imported.

    Raises:
        ImportFileError: it cannot be read, is empty or too large, or is neither UTF-8 nor SQLite.
    """
    raw = _read(path)
    sha256 = hashlib.sha256(raw).hexdigest()
    if raw.startswith(_SQLITE):
        return Content(path, sha256, len(raw), "", is_sqlite=True)
    text = _decoded(path, raw)
    if not text.strip():
        raise ImportFileError(f"{path} is empty: nothing to import")
    return Content(path, sha256, len(raw), text, is_sqlite=False)


def _read(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise ImportFileError(f"{path} is a folder: name a file")
        mib = path.stat().st_size / 2**20
        if mib > _LIMIT_MIB:
            raise ImportFileError(
                f"{path} has {mib:.0f} MiB, more than the {_LIMIT_MIB} that are imported: split it"
            )
        with path.open("rb") as file:
            # What is no regular file tells no size.
            raw = file.read(_LIMIT_MIB * 2**20 + 1)
    except OSError as error:
        raise ImportFileError(f"cannot read {path}: {error.strerror or error}") from error
    if len(raw) > _LIMIT_MIB * 2**20:
        raise ImportFileError(f"{path} does not end within {_LIMIT_MIB} MiB: name a file")
    return raw


def _decoded(path: Path, raw: bytes) -> str:
    other = _OTHER_TEXT.get(raw[:2])
    if other:
        raise ImportFileError(f"{path} is {other}: convert it to UTF-8, as with iconv -f {other}")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ImportFileError(
            f"{path} is no UTF-8 text (byte {error.start}): convert it, or name another file"
        ) from error
