"""What all tests share: the fake and the real llama-server, and the proof that none is left."""

import contextlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import psutil
import pytest

from orchestrator.config import load_catalogue
from tests.servers import Servers
from warehouse.errors import EngineError
from workers.engine.binary import resolve_binary
from workers.engine.config import EngineConfig
from workers.models.store import ModelStore

FAKE = Path(__file__).parent / "fakes" / "llama_server.py"
GPUS = Path(__file__).parent / "fakes" / "gpus"
"""On the PYTHONPATH of a process, its GPUs are those of FAKE_GPUS."""


def pytest_configure(config: pytest.Config) -> None:
    """Ray asks for its token in tests too; it reads this once, when it is first imported."""
    os.environ["RAY_AUTH_MODE"] = "token"
    # no test is about time, and a busy machine takes its own
    hypothesis.settings.register_profile("any-speed", deadline=None)
    hypothesis.settings.load_profile("any-speed")


@pytest.fixture(scope="session", autouse=True)
def no_server_left() -> Iterator[None]:
    """No llama-server of these tests outlives them, whoever started it.

    Every process that they start has the session's own TMPDIR in its environment, through
    herd's scrubbing too: other people's servers on this machine are not looked at.
    """
    folder = tempfile.mkdtemp(prefix="hd")  # short: sockets in it have a limited path
    before = {name: os.environ.get(name) for name in ("TMPDIR", "XDG_STATE_HOME")}
    os.environ.update(TMPDIR=folder, XDG_STATE_HOME=f"{folder}/state")
    tempfile.tempdir = None
    yield
    left = _servers_of(folder)
    _, alive = psutil.wait_procs(left, timeout=2)
    for process in alive:
        process.kill()
    for name, value in before.items():
        os.environ.pop(name) if value is None else os.environ.update({name: value})
    tempfile.tempdir = None
    shutil.rmtree(folder, ignore_errors=True)
    assert not alive, f"llama-server processes left behind: {alive}"


def _servers_of(folder: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        # Gone meanwhile, or another user's.
        with contextlib.suppress(psutil.Error):
            command = " ".join(process.cmdline())
            is_server = re.search(r"llama[-_](server|perplexity)", command) is not None
            if is_server and process.environ().get("TMPDIR") == folder:
                found.append(process)
    return found


@pytest.fixture(scope="session")
def fake_server() -> Callable[..., EngineConfig]:
    """`fake_server(tg_tok_s=50, ...)`: the config of a fake engine that behaves so.

    The names are those in `tests/fakes/llama_server.py`.
    """

    def config(**behaviour: Any) -> EngineConfig:
        return EngineConfig(
            name="fake",
            binary=str(FAKE),
            threads=1,
            start_timeout_s=30,
            stop_timeout_s=5,
            request_timeout_s=30,
            env={"FAKE_LLAMA": json.dumps(behaviour)},
        )

    return config


@pytest.fixture(scope="session")
def real_engine() -> EngineConfig:
    """The real llama-server of the extra `engine`."""
    try:
        resolve_binary(EngineConfig.binary)
    except EngineError as error:
        pytest.skip(str(error))
    return EngineConfig(
        name="real", threads=2, batch_size=512, start_timeout_s=60, stop_timeout_s=10
    )


@pytest.fixture(scope="session")
def real_model() -> Path:
    """SmolLM2-135M-Instruct Q4_1, fetched once into the user's model store."""
    return ModelStore().fetch(load_catalogue()["smollm2-135m"], "Q4_1")


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    """`servers.make(engine, model)`: a LlamaServer to start, killed at the end."""
    made = Servers(tmp_path)
    yield made
    for server in made.started:
        server.kill()


@pytest.fixture
def any_model(tmp_path: Path) -> Path:
    """A file for the fake server, which only looks whether it is there."""
    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGUF")
    return path
