import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from workers import run_dir as run_dir_module
from workers.contract import MEMORY_FOLDER
from workers.run_dir import run_dir

OWNER = """\
import sys, tempfile
tempfile.tempdir = sys.argv[1]
from workers.run_dir import run_dir
with run_dir() as folder:
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A system's temporary folder of our own."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


Owner = tuple["subprocess.Popen[str]", Path]


@pytest.fixture
def owner(temporary: Path) -> Iterator[Callable[[], Owner]]:
    """Starts another process that holds a run folder until its input ends."""
    started: list[subprocess.Popen[str]] = []

    def start() -> Owner:
        process = subprocess.Popen(
            [sys.executable, "-c", OWNER, str(temporary)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout
        return process, Path(process.stdout.readline().strip())

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_the_folder_is_private_short_and_gone_at_the_end(temporary: Path) -> None:
    with run_dir() as folder:
        (folder / "sockets").mkdir()
        assert folder.parent == temporary
        assert folder.stat().st_mode & 0o777 == 0o700
        assert len(folder.name) <= 20
    assert list(temporary.iterdir()) == []


def test_the_folder_goes_with_an_error_too(temporary: Path) -> None:
    with pytest.raises(KeyboardInterrupt), run_dir():
        raise KeyboardInterrupt
    assert list(temporary.iterdir()) == []


def test_a_living_owners_folder_is_kept_and_a_killed_ones_removed(
    owner: Callable[[], Owner],
) -> None:
    process, theirs = owner()
    with run_dir() as mine:
        assert theirs.is_dir()
        assert theirs != mine
    process.kill()
    process.wait()
    assert theirs.is_dir()
    with run_dir() as mine:
        assert not theirs.exists()
        assert mine.is_dir()


def test_an_owner_that_ends_leaves_nothing(owner: Callable[[], Owner], temporary: Path) -> None:
    process, theirs = owner()
    assert theirs.is_dir()
    process.communicate("")
    assert process.returncode == 0
    assert list(temporary.iterdir()) == []


def test_a_folder_in_memory_goes_with_it(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = temporary / "shm"
    memory.mkdir()
    monkeypatch.setattr(run_dir_module, "SHARED_MEMORY", memory)
    monkeypatch.setattr(run_dir_module, "_LEAST_MEMORY_BYTES", 1)
    with run_dir() as folder:
        linked = (folder / MEMORY_FOLDER).resolve()
        assert linked.parent == memory
        assert linked.stat().st_mode & 0o777 == 0o700
        (folder / MEMORY_FOLDER / "slots").mkdir()
    assert list(temporary.iterdir()) == [memory]
    assert list(memory.iterdir()) == []


def test_too_little_memory_is_left_alone(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_dir_module, "_LEAST_MEMORY_BYTES", 2**60)
    with run_dir() as folder:
        assert not (folder / MEMORY_FOLDER).exists()


def test_what_herd_did_not_make_stays(temporary: Path) -> None:
    """A folder that has no lock yet may be one that starts at this moment."""
    outside = temporary / "outside"
    outside.mkdir()
    (outside / "owner.lock").touch()
    (temporary / "herd-run-starting").mkdir()
    (temporary / "herd-run-file").touch()
    (temporary / "herd-run-link").symlink_to(outside)
    linked = temporary / "herd-run-linked-lock"
    linked.mkdir()
    (linked / "owner.lock").symlink_to(outside / "owner.lock")
    before = sorted(temporary.rglob("*"))
    with run_dir():
        pass
    assert sorted(temporary.rglob("*")) == before
