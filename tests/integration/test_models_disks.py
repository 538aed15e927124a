"""Model files for disks that have no room. Real file systems, so root is needed."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from warehouse.errors import ModelError
from workers.models.config import ModelConfig, ModelFileConfig
from workers.models.fetching import Fetcher, Wanted
from workers.models.hashing import HashMemo
from workers.models.store import ModelStore, silent

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root: mounts a small tmpfs"),
]
CHUNK = 20_000


def wanted(content: bytes) -> Wanted:
    sha256 = hashlib.sha256(content).hexdigest()
    model = ModelConfig(name="m", files={"F16": ModelFileConfig(file="m.gguf", sha256=sha256)})
    return Wanted(model, "F16", sha256, len(content), "m.gguf")


@pytest.fixture
def fetcher(disk: Path, tmp_path: Path) -> Fetcher:
    return Fetcher(ModelStore(disk / "models", HashMemo(tmp_path / "state")), None)


def test_a_file_larger_than_the_room_is_not_begun(disk: Path, fetcher: Fetcher) -> None:
    content = np.random.default_rng(1).bytes(400_000)
    asked: list[int] = []

    def chunks(offset: int) -> Iterator[bytes]:
        asked.append(offset)
        yield content

    with pytest.raises(ModelError, match=rf"m\.gguf needs 0\.00 GiB more on the disk of {disk}"):
        fetcher.from_chunks(wanted(content), chunks, "beta", silent)
    assert asked == []


def test_a_disk_that_fills_up_meanwhile_is_left_as_it_was(disk: Path, fetcher: Fetcher) -> None:
    content = np.random.default_rng(1).bytes(150_000)
    ballast = disk / "ballast"
    filled: list[int] = []

    def chunks(offset: int) -> Iterator[bytes]:
        for start in range(offset, len(content), CHUNK):
            if start == 2 * CHUNK and not filled:
                filled.append(start)
                ballast.write_bytes(bytes(150_000))
            yield content[start : start + CHUNK]

    with pytest.raises(ModelError, match=rf"disk full while writing m\.gguf to {disk}"):
        fetcher.from_chunks(wanted(content), chunks, "beta", silent)
    assert [path for path in disk.rglob("*") if path.suffix == ".gguf" and path.is_file()] == []
    ballast.unlink()
    found = fetcher.from_chunks(wanted(content), chunks, "beta", silent)
    assert Path(found.path).read_bytes() == content
