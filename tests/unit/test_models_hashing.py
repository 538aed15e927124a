import hashlib
import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from warehouse.errors import ModelError
from workers.models.hashing import HashMemo, file_sha256, known_sha256


@pytest.fixture
def memo(tmp_path: Path) -> HashMemo:
    return HashMemo(tmp_path / "state")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"weights" * 1000)
    return path


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_a_file_is_read_once(memo: HashMemo, model: Path) -> None:
    reads: list[tuple[int, int]] = []
    first = file_sha256(model, memo, lambda done, size: reads.append((done, size)))
    assert first == sha256(b"weights" * 1000)
    assert reads == [(7000, 7000)]
    assert file_sha256(model, memo, lambda done, size: reads.append((done, size))) == first
    assert len(reads) == 1


def test_a_changed_file_is_read_again(memo: HashMemo, model: Path) -> None:
    file_sha256(model, memo)
    before = model.stat()
    model.write_bytes(b"WEIGHTS" * 1000)
    os.utime(model, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert known_sha256(model, memo) is None
    assert file_sha256(model, memo) == sha256(b"WEIGHTS" * 1000)


def test_a_link_is_the_file_that_it_names(memo: HashMemo, model: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.gguf"
    link.symlink_to(model)
    assert known_sha256(link, memo) is None
    file_sha256(model, memo)
    assert known_sha256(link, memo) == sha256(b"weights" * 1000)


def test_a_file_that_changes_while_it_is_read_is_an_error(memo: HashMemo, model: Path) -> None:
    with pytest.raises(ModelError, match="changed while it was read"):
        file_sha256(model, memo, lambda done, size: os.truncate(model, 5))
    assert known_sha256(model, memo) is None


def test_a_missing_file_is_an_error(memo: HashMemo, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"nowhere\.gguf: no such file"):
        file_sha256(tmp_path / "nowhere.gguf", memo)
    assert known_sha256(tmp_path / "nowhere.gguf", memo) is None


def test_a_damaged_memo_says_what_to_do(tmp_path: Path, model: Path) -> None:
    (tmp_path / "file-hashes.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(ModelError, match=r"file-hashes\.sqlite .*: delete it"):
        file_sha256(model, HashMemo(tmp_path))


def _hash_all(folder: str) -> list[str]:
    memo = HashMemo(Path(folder) / "state")
    return [file_sha256(path, memo) for path in sorted(Path(folder).glob("*.bin"))]


def test_processes_share_a_memo(tmp_path: Path, memo: HashMemo) -> None:
    for index in range(20):
        (tmp_path / f"{index:02}.bin").write_bytes(bytes([index]))
    expected = [sha256(bytes([index])) for index in range(20)]
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        assert list(pool.map(_hash_all, [str(tmp_path)] * 4)) == [expected] * 4
    assert known_sha256(tmp_path / "07.bin", memo) == expected[7]
