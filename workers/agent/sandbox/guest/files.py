"""The files of the sandbox: laid there before a program, read when all is dead."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

DEPTH_MAX = 16


def lay(folder: str, files: dict[str, bytes]) -> None:
    """Write files below a folder; their names were checked outside."""
    for name, content in files.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as out:
            out.write(content)


def gather(folder: str, count_max: int, bytes_max: int) -> tuple[dict[str, bytes], list[str]]:
    """Regular files below a folder, and what was left out. No link is followed."""
    found: dict[str, bytes] = {}
    left_out: list[str] = []
    room = bytes_max
    for name, why in _walk(folder, "", left_out):
        size = 0 if why else os.lstat(os.path.join(folder, name)).st_size
        if not why and len(found) >= count_max:
            why = "too many files"
        if not why and size > room:
            why = "too large"
        if why:
            left_out.append(f"{name} ({why})")
            continue
        with open(os.path.join(folder, name), "rb") as source:
            found[name] = source.read(size)
        room -= size
    return found, left_out[:100]


def _walk(folder: str, below: str, left_out: list[str]) -> Iterator[tuple[str, str]]:
    """Relative paths of all that is no folder, with the reason why it cannot come back."""
    try:
        os.chmod(os.path.join(folder, below), 0o700)
        entries = sorted(os.scandir(os.path.join(folder, below)), key=lambda entry: entry.name)
    except OSError as error:
        left_out.append(f"{_shown(below)} ({error.strerror})")
        return
    for entry in entries:
        name = f"{below}/{entry.name}" if below else entry.name
        if entry.is_dir(follow_symlinks=False) and name.count("/") < DEPTH_MAX:
            yield from _walk(folder, name, left_out)
        else:
            yield _judged(folder, name)


def _judged(folder: str, name: str) -> tuple[str, str]:
    mode = os.lstat(os.path.join(folder, name)).st_mode
    if stat.S_ISLNK(mode):
        why = "a link"
    elif not stat.S_ISREG(mode):
        why = "not a regular file"
    elif _shown(name) != name:
        why = "a name that is not UTF-8"
    else:
        os.chmod(os.path.join(folder, name), 0o600)
        why = ""
    return _shown(name), why


def _shown(name: str) -> str:
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
