"""What a llama-server binary is and knows: its identity, flags and devices.

A build number is no identity (a wheel says 1, a source build 0), so the files are hashed. Hash,
version and help are remembered in the state folder, by path, size and time of every file hashed;
the devices, whose free memory changes, are asked for each time.
"""

import hashlib
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import platformdirs

from warehouse.errors import EngineError
from workers.engine.binary import resolve_binary
from workers.engine.environment import scrub
from workers.engine.flags import parse_help
from workers.engine.spawn import spawn

_TIME_LIMIT_S = 60.0
"""A driver may take seconds to wake up; more is a hang."""

_VERSION = re.compile(r"build (\d+), commit (\w+)|version: (\d+) \((\w+)\)")
_DEVICE = re.compile(r"^\s+(\S+): (.+) \((\d+) MiB, (\d+) MiB free\)\s*$", re.MULTILINE)
_LIBRARIES = ("libggml*.so*", "libllama*.so*")


@dataclass(frozen=True, slots=True)
class EngineDevice:
    """A device that llama-server can put a model on."""

    name: str
    """As the flag `--device` takes it: CUDA0, Vulkan0."""
    description: str
    total_mib: int
    free_mib: int


@dataclass(frozen=True, slots=True)
class EngineBuild:
    """A llama-server binary on this host."""

    path: Path
    sha256: str
    """Over the binary and its ggml and llama libraries; equal for copies and links."""
    text: str
    """As `build 1, commit 7e4c0a9`."""
    known_flags: frozenset[str]
    devices: tuple[EngineDevice, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """What of a program of llama.cpp stays the same while its files do."""

    sha256: str
    """As `EngineBuild.sha256`."""
    text: str
    """As `EngineBuild.text`."""
    flags: list[str]


def probe(binary: str, env: Mapping[str, str] | None = None) -> EngineBuild:
    """Look at a binary: runs its `--version`, `--help` and `--list-devices`.

    Args:
        binary: As `EngineConfig.binary`.
        env: As `EngineConfig.env`, for binaries that need it to start.

    Raises:
        EngineError: Missing, not executable, or does not run.
    """
    path = resolve_binary(binary)
    environment = scrub(os.environ, env or {})
    known = known_of(path, env or {})
    devices = parse_devices(output_of(path, "--list-devices", environment))
    return EngineBuild(path, known.sha256, known.text, frozenset(known.flags), devices)


def parse_version(text: str) -> str:
    """Build and commit of `--version`, old form (`version: 6140 (7e4c0a9)`) and new.

    Raises:
        EngineError: There is no version in it.
    """
    found = _VERSION.search(text)
    if not found:
        raise EngineError(f"--version of llama-server is not understood: {text.strip()[:100]!r}")
    return f"build {found[1] or found[3]}, commit {found[2] or found[4]}"


def parse_devices(text: str) -> tuple[EngineDevice, ...]:
    """The devices of `--list-devices`, in its order."""
    return tuple(
        EngineDevice(name, description, int(total), int(free))
        for name, description, total, free in _DEVICE.findall(text)
    )


def known_of(path: Path, extra: Mapping[str, str]) -> Known:
    """Identity and flags of a program of llama.cpp, remembered.

    Args:
        path: The program.
        extra: As `EngineConfig.env`.

    Raises:
        EngineError: It does not run.
    """
    files, env = _files(path), scrub(os.environ, extra)
    store = platformdirs.user_state_path("herd") / "engines" / f"{_key(path, files, extra)}.json"
    try:
        return Known(**json.loads(store.read_bytes()))
    except (OSError, ValueError, TypeError):  # not there, or damaged: learn it anew
        known = Known(
            _hash(files),
            parse_version(output_of(path, "--version", env)),
            sorted(parse_help(output_of(path, "--help", env))),
        )
    _remember(store, known)
    return known


def _key(path: Path, files: Sequence[Path], extra: Mapping[str, str]) -> str:
    """Changes with every file, and with the environment that may choose other libraries."""
    stamps = [(str(file), (stat := file.stat()).st_size, stat.st_mtime_ns) for file in files]
    key = json.dumps([str(path), stamps, sorted(extra.items())])
    return hashlib.sha256(key.encode()).hexdigest()


def _remember(store: Path, known: Known) -> None:
    store.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=store.parent, delete=False) as file:
        json.dump(asdict(known), file)
    Path(file.name).replace(store)


def _files(path: Path) -> list[Path]:
    """The binary and its libraries, beside it or in the `lib` of an installation."""
    folders = (path.resolve().parent, path.resolve().parent.parent / "lib")
    libraries = {
        file.resolve()
        for folder in folders
        for pattern in _LIBRARIES
        for file in folder.glob(pattern)
        if file.is_file()
    }
    return [path.resolve(), *sorted(libraries)]


def _hash(files: Sequence[Path]) -> str:
    """Over the distinct contents by library name: links and copies of a version are one."""
    contents = {f"{file.name.partition('.so')[0]} {_file_hash(file)}" for file in files}
    return hashlib.sha256("\n".join(sorted(contents)).encode()).hexdigest()


def _file_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def output_of(path: Path, flag: str, env: Mapping[str, str]) -> str:
    """What the binary says to `flag`, on either stream.

    Raises:
        EngineError: It fails, or hangs.
    """
    process = spawn([str(path), flag], env=env)
    try:
        said = process.communicate(timeout=_TIME_LIMIT_S)[0].decode(errors="replace")
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise EngineError(f"{path} {flag} says nothing for {_TIME_LIMIT_S:g} s") from None
    if process.returncode != 0:
        raise EngineError(_why(path, flag, process.returncode, said))
    return said


def _why(path: Path, flag: str, code: int, said: str) -> str:
    last = (said.strip().splitlines() or ["no output"])[-1]
    if "libgomp.so.1" in said:
        return f"{path} needs the OpenMP library: install the package libgomp1"
    return f"{path} {flag} fails with exit code {code}: {last[:200]}"
