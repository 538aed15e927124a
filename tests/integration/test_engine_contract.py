"""The HTTP contract that herd relies on, held by the fake server as by the real one."""

import http.client
import json
from pathlib import Path
from typing import Any

import pytest

from tests.servers import Servers
from workers.engine.process import LlamaServer

PROMPT = [1, *range(500, 563)]


@pytest.fixture(params=["fake", "real"])
def server(request: pytest.FixtureRequest, servers: Servers) -> LlamaServer:
    if request.param == "fake":
        engine, model = request.getfixturevalue("fake_server")(), "any_model"
    else:
        engine, model = request.getfixturevalue("real_engine"), "real_model"
    started = servers.make(engine, request.getfixturevalue(model), context=256)
    started.start()
    return started


def ask(server: LlamaServer, path: str, body: dict[str, Any] | None = None) -> tuple[int, str]:
    port = int(server.base_url.rpartition(":")[2])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    method = "GET" if body is None else "POST"
    headers = {"Authorization": f"Bearer {server.api_key}"}
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    response = connection.getresponse()
    return response.status, response.read().decode()


def complete(server: LlamaServer, **body: Any) -> dict[str, Any]:
    defaults = {"prompt": PROMPT, "n_predict": 8, "id_slot": 0, "ignore_eos": True}
    status, text = ask(server, "/completion", {**defaults, "temperature": 0, **body})
    assert status == 200, text
    value: dict[str, Any] = json.loads(text)
    return value


def counts(answer: dict[str, Any]) -> tuple[int, int, int]:
    timings = answer["timings"]
    return timings["cache_n"], timings["prompt_n"], timings["predicted_n"]


def test_counts_with_and_without_the_cache(server: LlamaServer) -> None:
    assert counts(complete(server)) == (0, 64, 8)
    assert counts(complete(server)) == (63, 1, 8)
    assert counts(complete(server, prompt=[*PROMPT, 7, 8])) == (64, 2, 8)
    assert counts(complete(server, cache_prompt=False)) == (0, 64, 8)


def test_save_restore_and_erase_a_slot(server: LlamaServer) -> None:
    assert counts(complete(server, n_predict=0)) == (0, 64, 1)
    saved = json.loads(ask(server, "/slots/0?action=save", {"filename": "s"})[1])
    assert saved["n_saved"] == 64
    erased = json.loads(ask(server, "/slots/0?action=erase", {})[1])
    assert erased["n_erased"] == 64
    assert counts(complete(server, prompt=PROMPT[:10], n_predict=0)) == (0, 10, 1)
    restored = json.loads(ask(server, "/slots/0?action=restore", {"filename": "s"})[1])
    assert restored["n_restored"] == 64
    assert counts(complete(server, prompt=[*PROMPT, 9])) == (64, 1, 8)


def test_stream_with_progress(server: LlamaServer) -> None:
    body = {"prompt": PROMPT, "n_predict": 5, "ignore_eos": True, "stream": True}
    text = ask(server, "/completion", {**body, "return_progress": True})[1]
    chunks = [json.loads(x.removeprefix("data: ")) for x in text.splitlines() if x]
    progress = [chunk["prompt_progress"] for chunk in chunks if "prompt_progress" in chunk]
    assert (progress[0]["processed"], progress[-1]["processed"]) == (0, 64)
    assert {step["total"] for step in progress} == {64}
    tokens = [chunk for chunk in chunks if chunk["content"] and not chunk["stop"]]
    assert 0 < len(tokens) <= 5  # a real model holds back half of a character
    assert chunks[-1]["stop"]
    assert chunks[-1]["stop_type"] == "limit"
    assert counts(chunks[-1]) == (0, 64, 5)


def test_refused_requests(server: LlamaServer) -> None:
    status, text = ask(server, "/completion", {"prompt": [99_999_999], "n_predict": 1})
    assert (status, json.loads(text)["error"]["type"]) == (400, "invalid_request_error")
    status, text = ask(server, "/completion", {"prompt": [5] * 400, "n_predict": 1})
    error = json.loads(text)["error"]
    assert (status, error["type"]) == (400, "exceed_context_size_error")
    assert (error["n_prompt_tokens"], error["n_ctx"]) == (400, 256)
    assert ask(server, "/nowhere")[0] == 404


def test_pages(server: LlamaServer) -> None:
    assert json.loads(ask(server, "/health")[1]) == {"status": "ok"}
    props = json.loads(ask(server, "/props")[1])
    assert (props["default_generation_settings"]["n_ctx"], props["total_slots"]) == (256, 1)
    models = json.loads(ask(server, "/v1/models")[1])
    assert models["data"][0]["meta"]["n_vocab"] == 49152
    assert json.loads(ask(server, "/slots")[1])[0]["id"] == 0
    tokens = json.loads(ask(server, "/tokenize", {"content": "hello world"})[1])["tokens"]
    assert tokens
    assert all(isinstance(token, int) for token in tokens)


def test_the_server_has_no_error_of_its_own(server: LlamaServer, tmp_path: Path) -> None:
    complete(server)
    assert server.stop() == 0
    assert server.failure().reason.startswith("llama-server ended with exit code 0")
