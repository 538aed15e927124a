"""What the integration tests run on: `herd` as a user runs it."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.herd_process import Herd


@pytest.fixture
def herd(tmp_path: Path) -> Iterator[Herd]:
    """The command line with a warehouse, a state and a temporary folder of its own."""
    user = Herd(tmp_path)
    yield user
    user.close()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 256 KiB: a real file system, so root is needed."""
    path = tmp_path / "disk"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(path)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"this system lets root mount no tmpfs: {done.stderr.strip()}")
    yield path
    subprocess.run(["umount", str(path)], check=True)
