"""A download from Hugging Face that is killed goes on where it was, with the real client."""

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest

from tests.hub_server import serving
from workers.models.config import HubSource, ModelConfig, ModelFileConfig, SourceConfig
from workers.models.hashing import HashMemo
from workers.models.store import ModelStore

CONTENT = np.random.default_rng(7).bytes(24 * 2**20)
SENT = 10 * 2**20
FETCH = """
import sys
from pathlib import Path
from tests.integration.test_hub_resume import model
from workers.models.hashing import HashMemo
from workers.models.store import ModelStore

ModelStore(Path(sys.argv[1]), HashMemo(Path(sys.argv[2]))).fetch(model(), "F16")
"""


def model() -> ModelConfig:
    file = ModelFileConfig(
        file="big.gguf",
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        size_bytes=len(CONTENT),
        source=SourceConfig(hub=HubSource("owner/repo", "big.gguf")),
    )
    return ModelConfig(name="big", files={"F16": file})


def test_a_download_that_is_killed_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, state = tmp_path / "store", tmp_path / "state"
    with serving({"owner/repo/big.gguf": CONTENT}, stop_after=SENT) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.address)
        command = [sys.executable, "-c", FETCH, str(store), str(state)]
        process = subprocess.Popen(command, env=os.environ)
        assert server.stopped.wait(60)
        (client,) = psutil.Process(process.pid).children()
        written = store / ".incomplete" / "big" / "big.gguf" / "hub" / "content"
        while not written.exists() or written.stat().st_size < SENT // 2:
            assert process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
        # the client is gone too, or it would write into the next fetch
        client.wait(10)
        had = written.stat().st_size
        path = ModelStore(store, HashMemo(state)).fetch(model(), "F16")
    assert path.read_bytes() == CONTENT
    assert server.first_bytes == [0, had]


SHELL = """
import sys
import workers.models.hub_client as client

client.PLAIN_LIMIT_BYTES = int(sys.argv.pop(1))
client.main()
"""


def run_client(address: str, folder: Path, *, limit_bytes: int = 10**9) -> bytes:
    """The client's own process, as `fetch_hub` starts it; what it fetched."""
    target = folder / "target"
    words = [str(limit_bytes), "owner/repo", "big.gguf", "", str(folder), str(target)]
    environment = {**os.environ, "HF_ENDPOINT": address}
    subprocess.run([sys.executable, "-c", SHELL, *words], env=environment, check=True)
    return target.read_bytes()


def test_a_file_that_changed_upstream_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "content").write_bytes(CONTENT[:1000])
    (tmp_path / "version").write_text("of another day")
    with serving({"owner/repo/big.gguf": CONTENT}) as server:
        assert run_client(server.address, tmp_path) == CONTENT
    assert server.first_bytes == [0]


def test_what_is_complete_is_not_asked_for_again(tmp_path: Path) -> None:
    (tmp_path / "content").write_bytes(CONTENT)
    (tmp_path / "version").write_text(hashlib.sha256(CONTENT).hexdigest())
    with serving({"owner/repo/big.gguf": CONTENT}) as server:
        assert run_client(server.address, tmp_path) == CONTENT
    assert server.first_bytes == []


def test_a_file_too_large_for_plain_http_leaves_no_old_beginnings(tmp_path: Path) -> None:
    left = tmp_path / "blocks" / ".cache" / "x.1234.incomplete"
    left.parent.mkdir(parents=True)
    left.write_bytes(bytes(1000))
    with serving({"owner/repo/big.gguf": CONTENT}) as server:
        assert run_client(server.address, tmp_path, limit_bytes=len(CONTENT) - 1) == CONTENT
    assert not left.exists()
