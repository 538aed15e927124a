import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from orchestrator.fleet.token import token_path


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """herd's state folder, under an umask that would let everybody read."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    before = os.umask(0)
    yield tmp_path / "herd"
    os.umask(before)


def test_the_token_is_made_at_first_use_for_the_user_alone(state: Path) -> None:
    path = token_path()
    assert path.parent == state
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(bytes.fromhex(path.read_text())) == 32
    assert list(state.iterdir()) == [path]


def test_the_token_stays_the_same(state: Path) -> None:
    token = token_path().read_text()
    assert token_path().read_text() == token
    (state / "ray_token").unlink()
    assert token_path().read_text() != token


def test_all_who_start_at_once_get_one_token(state: Path) -> None:
    together = Barrier(8)

    def read() -> str:
        together.wait()
        return token_path().read_text()

    with ThreadPoolExecutor(8) as pool:
        tokens = {future.result() for future in [pool.submit(read) for _ in range(8)]}
    assert len(tokens) == 1
    assert [path.name for path in state.iterdir()] == ["ray_token"]
