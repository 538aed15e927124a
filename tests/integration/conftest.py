"""What the integration tests run on: `herd` as a user runs it."""

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
