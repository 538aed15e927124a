"""What a node needs of the driver, as files to send: the packages, and herd's own code.

Two parts, each under a name that says its content: `site/DIGEST` has the installed packages that
workers need, in the driver's exact versions, and changes rarely; `code/DIGEST` has the packages
`workers` and `warehouse`. A host that has a part gets it no second time.
"""

import gzip
import hashlib
import os
import platform
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from platformdirs import user_cache_path

import warehouse
import workers
from warehouse.errors import FleetError

_DRIVER_ONLY = frozenset({"duckdb", "hydra-core", "omegaconf", "prompt-toolkit"})
"""What no module of `workers` imports."""
_EXTRAS = ("engine", "hub")
"""Taken along where they are installed."""
_LEFT_OUT = ("/tests/", "/include/", "/__pycache__/", "/jars/", "../")
_LEFT_OUT_ENDS = (".pyc", ".jar", ".a", ".pyx", ".pxd")
_FORMAT = "2"
"""Changes when the same packages are packed otherwise."""
_DIGEST_LENGTH = 16
_LARGE_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the bundle."""

    name: str
    """`site/DIGEST` or `code/DIGEST`: its folder on a node."""
    files: tuple[tuple[Path, str], ...]
    """Files and their names in the part."""

    @property
    def size_mib(self) -> float:
        """Unpacked."""
        return sum(path.stat().st_size for path, _ in self.files) / 2**20

    def packed(self) -> Path:
        """As a gzipped tar file, packed once and kept in herd's cache folder.

        Raises:
            FleetError: it cannot be written.
        """
        target = user_cache_path("herd") / "node" / f"{self.name.replace('/', '-')}.tar.gz"
        try:
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                self._pack(target)
                _remove_older(target)
        except OSError as error:
            raise FleetError(f"{target} cannot be written: {error.strerror}") from error
        return target

    def _pack(self, target: Path) -> None:
        descriptor, draft = tempfile.mkstemp(dir=target.parent)
        try:
            with (
                os.fdopen(descriptor, "wb") as file,
                gzip.GzipFile(fileobj=file, mode="wb", compresslevel=1, mtime=0) as packed,
                tarfile.open(fileobj=packed, mode="w|") as archive,
            ):
                for path, name, same_as in _with_links(self.files):
                    entry = archive.gettarinfo(path, name)
                    entry.uid = entry.gid = 0
                    entry.uname = entry.gname = ""
                    if same_as is not None:
                        entry.type, entry.linkname, entry.size = tarfile.LNKTYPE, same_as, 0
                        archive.addfile(entry)
                        continue
                    with path.open("rb") as content:
                        archive.addfile(entry, content)
            Path(draft).rename(target)
        finally:
            Path(draft).unlink(missing_ok=True)


def _remove_older(target: Path) -> None:
    """Of each kind of part, the last one packed is kept."""
    kind = target.name.partition("-")[0]
    for other in target.parent.glob(f"{kind}-*.tar.gz"):
        if other != target:
            other.unlink(missing_ok=True)


def _with_links(
    files: Iterable[tuple[Path, str]],
) -> Iterator[tuple[Path, str, str | None]]:
    """Each file, and the one before it of the same content: wheels hold large ones three times."""
    before: dict[str, str] = {}
    for path, name in files:
        if path.stat().st_size < _LARGE_BYTES:
            yield path, name, None
            continue
        with path.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        yield path, name, before.get(digest)
        before.setdefault(digest, name)


def parts() -> tuple[Part, Part]:
    """Packages and code, of this very environment."""
    return _site(), _code()


def code_digest() -> str:
    """What the code that workers run is, in one word: hosts of a sweep must have the same."""
    return _code().name.partition("/")[2]


@cache
def _code() -> Part:
    digest = hashlib.sha256()
    files = []
    for package in (workers, warehouse):
        root = Path(next(iter(package.__path__)))
        for path in sorted(root.rglob("*")):
            if path.is_file() and path.suffix != ".pyc":
                name = f"{root.name}/{path.relative_to(root)}"
                content = path.read_bytes()
                digest.update(f"{name}\0{len(content)}\0".encode() + content)
                files.append((path, name))
    return Part(f"code/{digest.hexdigest()[:_DIGEST_LENGTH]}", tuple(files))


@cache
def _site() -> Part:
    found = {canonicalize_name(d.name): d for d in closure("herd", _DRIVER_ONLY, _EXTRAS)}
    versions = [f"{name} {dist.version}" for name, dist in sorted(found.items())]
    what = [_FORMAT, platform.machine(), ".".join(map(str, sys.version_info[:2])), *versions]
    digest = hashlib.sha256("\n".join(what).encode()).hexdigest()[:_DIGEST_LENGTH]
    files = [file for _, dist in sorted(found.items()) for file in _files_of(dist)]
    return Part(f"site/{digest}", tuple(files))


def closure(
    root: str, left_out: frozenset[str], extras: Iterable[str]
) -> Iterator[metadata.Distribution]:
    """The installed distributions that one needs, itself left out.

    Args:
        root: its name.
        left_out: names that are not followed.
        extras: of the root: taken as far as they are installed.

    Raises:
        FleetError: one is not installed.
    """
    seen = set(left_out)
    pending = [(root, frozenset(extras))]
    while pending:
        name, wanted = pending.pop()
        dist = _installed(name)
        if dist is None:
            raise FleetError(f"{name} is not installed here: install herd anew")
        if name != root:
            yield dist
        for requirement, optional in _requirements(dist, wanted):
            needed = canonicalize_name(requirement.name)
            if needed in seen or (optional and name == root and _installed(needed) is None):
                continue
            seen.add(needed)
            pending.append((needed, frozenset(requirement.extras)))


def _requirements(
    dist: metadata.Distribution, extras: frozenset[str]
) -> Iterator[tuple[Requirement, bool]]:
    """What it requires here, and whether only an extra does."""
    for text in dist.requires or ():
        requirement = Requirement(text)
        marker = requirement.marker
        if marker is None or marker.evaluate({"extra": ""}):
            yield requirement, False
        elif any(marker.evaluate({"extra": extra}) for extra in extras):
            yield requirement, True


def _installed(name: str) -> metadata.Distribution | None:
    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None


def _files_of(dist: metadata.Distribution) -> Iterator[tuple[Path, str]]:
    for file in dist.files or ():
        name = str(file)
        left_out = any(part in f"/{name}" for part in _LEFT_OUT) or name.endswith(_LEFT_OUT_ENDS)
        path = Path(str(dist.locate_file(file)))
        if not left_out and path.is_file():
            yield path, name
