from pathlib import Path

import pytest

from workers.pagecache import page_cache_fraction


def test_just_written_is_in_memory(tmp_path: Path) -> None:
    file = tmp_path / "model"
    file.write_bytes(b"x" * 1_000_001)
    assert page_cache_fraction(file) == 1.0


def test_nothing_to_know(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    assert page_cache_fraction(empty) is None
    assert page_cache_fraction(tmp_path / "missing") is None
    assert page_cache_fraction(tmp_path) is None


def test_what_was_never_read_is_not_in_memory(tmp_path: Path) -> None:
    file = tmp_path / "model"
    with file.open("wb") as handle:
        handle.truncate(8_388_608)
    assert page_cache_fraction(file) == 0.0
    with file.open("r+b") as handle:
        handle.write(b"x" * 4_194_304)
    assert page_cache_fraction(file) == pytest.approx(0.5, abs=0.05)
