"""The first program in the sandbox: takes a frame, runs what it names, sends a frame back.

What it runs has the same user: so nobody may look into this process, and the socket to herd is
closed to all but it. It can be killed, and then nothing comes back.
"""

from __future__ import annotations

import ctypes
import json
import os
import secrets
import socket
import sys
from typing import Any

from workers.agent.sandbox.guest import files
from workers.agent.sandbox.guest.collect import is_test_file, names_in
from workers.agent.sandbox.guest.program import Ended, run
from workers.agent.sandbox.guest.wire import frame, read_frame

DISK = "/sandbox"
FOLDER = f"{DISK}/files"
_PR_SET_DUMPABLE = 4
_TEST_FILES_MAX = 50
_RUN_TESTS = (
    "import sys; sys.path.insert(0, '/guest'); "
    "from workers.agent.sandbox.guest.tests import main; sys.path.pop(0); "
    "[sys.modules.pop(name) for name in [*sys.modules] if name.startswith('workers')]; "
    "main(sys.argv[1:])"
)


def main(descriptor: int) -> None:
    """Serve one frame."""
    if ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0):
        raise OSError("this process cannot be closed to others")
    with socket.socket(fileno=descriptor) as herd, herd.makefile("rb") as incoming:
        herd.set_inheritable(False)
        header, blobs = read_frame(lambda size: _exactly(incoming.read(size), size), 2**40)
        limits: dict[str, float] = header["limits"]
        for name in ("files", "home", "tmp"):
            os.mkdir(f"{DISK}/{name}")
        files.lay(FOLDER, dict(zip(header["names"], blobs, strict=True)))
        if header["argv"] is None:
            herd.sendall(frame(_tests(header["path"], limits), []))
        else:
            herd.sendall(_program(header["argv"], limits))


def _exactly(got: bytes, size: int) -> bytes:
    if len(got) != size:
        raise EOFError
    return got


def _program(argv: list[str], limits: dict[str, float]) -> bytes:
    command = [sys.executable, "-B", *argv[1:]] if argv[0] == "python" else argv
    ended = run(command, limits, folder=FOLDER, disk=DISK)
    bytes_max = int(limits["disk_mib"]) * 2**20
    found, left_out = files.gather(FOLDER, int(limits["file_count"]), bytes_max)
    answer = {
        **_told(ended, limits),
        "names": list(found),
        "left_out": left_out,
    }
    return frame(answer, list(found.values()))


def _told(ended: Ended, limits: dict[str, float]) -> dict[str, Any]:
    kept = int(limits["output_kib"]) * 1024
    outputs = [bytes(ended.outputs[number][:kept]).decode(errors="replace") for number in (0, 1)]
    return {
        "exit_code": ended.exit_code,
        "limit": ended.limit,
        "stdout": outputs[0],
        "stderr": outputs[1],
    }


def _tests(path: str | None, limits: dict[str, float]) -> dict[str, Any]:
    """Each test with None, or why it has failed."""
    try:
        wanted = {name: _named(name) for name in _test_files(path)}
    except (SyntaxError, ValueError, RecursionError) as error:
        return {"error": f"the tests cannot be read: {error}"}
    key = secrets.token_hex(16)
    argv = [sys.executable, "-I", "-B", "-c", _RUN_TESTS, *wanted]
    ended = run(argv, limits, folder=FOLDER, disk=DISK, stdin=key.encode(), report=True)
    rest = f"stopped by the limit on {ended.limit}" if ended.limit else "did not run to its end"
    reports = _reports(bytes(ended.outputs[2]), key)
    rest = reports.pop(None, None) or rest
    names = [name for names in wanted.values() for name in names]
    return {**_told(ended, limits), "tests": {name: reports.get(name, rest) for name in names}}


def _test_files(path: str | None) -> list[str]:
    if path is not None:
        return [path]
    found = []
    for folder, _, names in os.walk(FOLDER):
        found += [os.path.relpath(os.path.join(folder, name), FOLDER) for name in names]
    return sorted(name for name in found if is_test_file(name))[:_TEST_FILES_MAX]


def _named(path: str) -> list[str]:
    with open(os.path.join(FOLDER, path), "rb") as source:
        return [f"{path}::{name}" for name in names_in(source.read())]


def _reports(lines: bytes, key: str) -> dict[str | None, str | None]:
    """The first failure of each test, else None: it passed."""
    found: dict[str | None, str | None] = {}
    for line in lines.splitlines():
        try:
            report = json.loads(line)
            if report["key"] == key:
                found[report["test"]] = found.get(report["test"]) or report["why"]
        except (ValueError, KeyError, TypeError):
            continue  # the tested code may write what it likes
    return found
