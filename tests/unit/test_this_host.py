from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from orchestrator.cells import FROM_HEADER, CellSpec
from orchestrator.config import FleetConfig, HerdConfig
from orchestrator.this_host import look_at
from tests.unit.orchestrator_samples import ENGINE, spec
from workers.models.config import ModelConfig, ModelFileConfig

NOWHERE = replace(ENGINE, binary="/nowhere/llama-server")
CONFIG = HerdConfig(fleet=FleetConfig(host_id="alpha"))


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes are remembered here, not in the user's folder."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def by_path(path: Path, quant: str = FROM_HEADER) -> CellSpec:
    return spec(model=ModelConfig(name="file", path=str(path)), quant=quant, engine=NOWHERE)


def put(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_this_host_has_its_label_and_hardware() -> None:
    view, _, _ = look_at(CONFIG, ())
    assert view.host.host_id == "alpha"
    assert view.host.cpu_physical_cores is not None
    assert view.host.cpu_physical_cores >= 1
    assert view.host.cpu_model is not None
    assert view.host.hardware_class.startswith(view.host.cpu_model)


def test_a_model_by_path_is_called_after_its_file(tmp_path: Path) -> None:
    path = put(tmp_path / "mine.gguf", b"no GGUF")
    view, (cell,), (row,) = look_at(CONFIG, [by_path(path, "Q9")])
    assert (cell.model.name, cell.quant) == ("mine", "Q9")
    file = view.models[cell.file_key]
    assert (file.path, file.sha256) == (str(path), sha256(b"no GGUF").hexdigest())
    assert (row.model, row.quant, row.host_id) == ("mine", "Q9", "alpha")
    assert (row.model_sha256, row.size_bytes) == (file.sha256, 7)


def test_a_damaged_file_has_a_row_without_facts(tmp_path: Path) -> None:
    _, _, (row,) = look_at(CONFIG, [by_path(put(tmp_path / "mine.gguf", b"no GGUF"))])
    assert (row.architecture, row.facts) == (None, None)


def test_files_of_one_name_in_two_folders_are_two_files(tmp_path: Path) -> None:
    paths = [put(tmp_path / folder / "model.gguf", folder.encode()) for folder in ("a", "b")]
    view, cells, rows = look_at(CONFIG, [by_path(path) for path in paths])
    assert [view.models[cell.file_key].path for cell in cells] == [str(path) for path in paths]
    hashes = {sha256(content).hexdigest() for content in (b"a", b"b")}
    assert {row.model_sha256 for row in rows} == hashes


def test_a_file_that_is_nowhere_has_no_hash_and_no_row(tmp_path: Path) -> None:
    missing = by_path(tmp_path / "missing.gguf")
    view, (cell,), rows = look_at(CONFIG, [missing])
    assert view.models[cell.file_key].sha256 is None
    assert rows == ()


def test_files_of_the_catalogue_lie_in_the_store(tmp_path: Path) -> None:
    model = ModelConfig(name="tiny", files={"Q4_1": ModelFileConfig(file="tiny.gguf")})
    path = put(tmp_path / "store" / "tiny" / "tiny.gguf", b"a")
    config = replace(CONFIG, model_store=str(tmp_path / "store"))
    view, (cell,), _ = look_at(config, [spec(model=model, engine=NOWHERE)])
    assert view.models[cell.file_key].path == str(path)


def test_an_engine_that_cannot_be_used_is_none() -> None:
    view, _, _ = look_at(CONFIG, [by_path(Path("/nowhere.gguf"))])
    assert view.engines == {("/nowhere/llama-server", ()): None}
