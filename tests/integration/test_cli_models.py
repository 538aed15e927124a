import csv
import io
import json
import shutil
from pathlib import Path

import gguf
import numpy as np
import pytest
from click.testing import CliRunner, Result

from orchestrator.cli.catalogue import COLUMNS, catalogue_records
from orchestrator.cli.models import models
from orchestrator.config import load_catalogue
from warehouse.errors import ConfigError, ModelError
from workers.models.hashing import HashMemo, file_sha256
from workers.models.store import ModelStore


@pytest.fixture
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data and a state folder of the test's own; returns the model store."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "data" / "herd" / "models"


@pytest.fixture
def config_dir(tmp_path: Path) -> Path:
    """A catalogue with a model `mine` of the user's own file."""
    own = tmp_path / "own.gguf"
    writer = gguf.GGUFWriter(own, "llama")
    writer.add_block_count(3)
    writer.add_tensor("token_embd.weight", np.ones((4, 32), dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    folder = tmp_path / "conf" / "model"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text(
        "defaults: [model_schema, _self_]\nname: mine\ntotal_params_b: 0.1\n"
        "links: {card: 'https://example.org/mine'}\n"
        f"files: {{F32: {{path: '{own}', notes: of my own}}}}\n"
    )
    return tmp_path / "conf"


def run(config_dir: Path | None, *arguments: str) -> Result:
    return CliRunner().invoke(models, list(arguments), obj=config_dir, catch_exceptions=False)


def test_list_has_every_file_and_what_is_here(own_folders: Path, config_dir: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(run(config_dir, "list", "--format", "csv").stdout)))
    assert set(COLUMNS) < set(rows[0])
    by_key = {(row["model"], row["quant"]): row for row in rows}
    mine = by_key["mine", "F32"]
    assert mine["path"] == str(config_dir.parent / "own.gguf")
    assert int(mine["size_bytes"]) == Path(mine["path"]).stat().st_size
    assert json.loads(mine["links"]) == {"card": "https://example.org/mine"}
    reap = by_key["qwen3-coder-next-reap-40b-a3b", "i1-IQ3_M"]
    assert reap["path"] == ""
    assert (reap["kind"], reap["variant"], reap["status"]) == ("imatrix", "pruned", "recommended")
    assert (reap["size_gib"], reap["total_params_b"], reap["active_params_b"]) == (
        "16.95",
        "40.0",
        "3.0",
    )


def test_list_prints_a_table(own_folders: Path) -> None:
    lines = run(None, "list").stdout.splitlines()
    assert lines[0].split() == list(COLUMNS)
    line = next(line for line in lines if line.startswith("smollm2-135m") and " Q4_1 " in line)
    assert "b179c9523d0e " in line
    assert "b179c9523d0e6" not in line


def test_a_hash_that_is_known_stands_for_the_catalogues(config_dir: Path, tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "store", HashMemo(tmp_path / "state"))
    entry = {"mine": load_catalogue(config_dir)["mine"]}
    assert catalogue_records(entry, store)[0]["sha256"] is None
    sha256 = file_sha256(tmp_path / "own.gguf", store.memo)
    assert catalogue_records(entry, store)[0]["sha256"] == sha256


def facts_of(config_dir: Path | None, *target: str) -> dict[str, object]:
    shown = json.loads(run(config_dir, "inspect", *target, "--format", "json").stdout)
    facts: dict[str, object] = shown["facts"]
    return facts


def test_inspect_shows_a_file_and_a_model_alike(own_folders: Path, config_dir: Path) -> None:
    own = config_dir.parent / "own.gguf"
    facts = facts_of(config_dir, str(own))
    assert facts == facts_of(config_dir, "mine", "F32")
    assert (facts["layers"], facts["complete"]) == (3, True)
    with own.open("r+b") as stream:
        stream.truncate(own.stat().st_size - 8)
    facts = facts_of(config_dir, str(own))
    assert (facts["complete"], facts["missing_bytes"]) == (False, 8)


def test_fetch_says_where_the_file_lies(own_folders: Path, config_dir: Path) -> None:
    result = run(config_dir, "fetch", "mine", "F32")
    assert result.stdout == f"{config_dir.parent / 'own.gguf'}\n"


def test_errors_say_what_there_is(own_folders: Path, config_dir: Path) -> None:
    with pytest.raises(ConfigError, match=r"unknown model 'nope', there are: .*mine"):
        run(config_dir, "fetch", "nope")
    with pytest.raises(ConfigError, match="mine has no default quant, name one of: F32"):
        run(config_dir, "fetch", "mine")
    with pytest.raises(ConfigError, match="mine has no quant 'Q8_0', there are: F32"):
        run(config_dir, "inspect", "mine", "Q8_0")
    with pytest.raises(ModelError, match="nowhere: no such file"):
        run(config_dir, "inspect", "nowhere")


def test_the_store_is_the_one_that_the_configuration_names(
    own_folders: Path, config_dir: Path, tmp_path: Path
) -> None:
    local = config_dir / "local"
    local.mkdir()
    (local / "default.yaml").write_text(
        f"# @package _global_\nmodel_store: {tmp_path / 'elsewhere'}\n"
    )
    file = tmp_path / "elsewhere" / "smollm2-135m" / "SmolLM2-135M-Instruct.Q4_1.gguf"
    file.parent.mkdir(parents=True)
    shutil.copy(tmp_path / "own.gguf", file)
    assert facts_of(config_dir, "smollm2-135m")["path"] == str(file)
