import csv
import io
import json
from pathlib import Path

import pytest

from orchestrator.cli.inspection import inspection, print_inspection
from tests import gpu_table
from tests.tiny_models import write_tiny
from workers.models.header import read_header


def printed(path: Path, output: str, capsys: pytest.CaptureFixture[str]) -> str:
    header = read_header(path)
    facts = {"path": path.name, "layers": header.layers}
    print_inspection(inspection(facts, header, lambda _: {}), output)
    return capsys.readouterr().out


def test_json_has_every_section(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = json.loads(printed(write_tiny(tmp_path / "m.gguf", "lfm2"), "json", capsys))
    assert list(shown) == ["facts", "layers", "quant_mix", "kib_per_token", "kv_mib"]
    assert shown["facts"]["memory"] == "exact"
    assert shown["facts"]["tied_embeddings"] is True
    kinds = [(row["kind"], row["layers"], row["kv_heads"]) for row in shown["layers"]]
    assert kinds == [("recurrent", 4, 0), ("full attention", 1, 2), ("full attention", 1, 4)]


def test_csv_is_one_long_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(gpu_table.write_model(tmp_path / "m.gguf"), "csv", capsys)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert {
        "section": "kv_mib",
        "row": "q8_0/q4_0",
        "column": "262144",
        "value": "2496.0",
    } in rows


def test_a_table_has_its_headings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(write_tiny(tmp_path / "m.gguf", "gemma3"), "table", capsys)
    blocks = [block.splitlines() for block in text.strip().split("\n\n")]
    assert [block[0].split(",")[0] for block in blocks] == [
        "What the header says",
        "Layers by what they remember (recurrent state: KiB a slot)",
        "Weights by type of tensor",
        "KiB a token of context",
        "KV cache by cache types (K/V) and context",
    ]
    assert blocks[-1][1].split() == ["cache", "kib_per_token", "8192"]


def test_what_cannot_be_predicted_is_still_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_tiny(tmp_path / "m.gguf", "llama")
    with path.open("r+b") as stream:
        stream.truncate(path.stat().st_size - 100)
    shown = json.loads(printed(path, "json", capsys))
    assert list(shown) == ["facts"]
    assert shown["facts"]["layers"] == 6
    assert "truncated by 100 bytes" in shown["facts"]["memory"]
