from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.config import load_catalogue
from warehouse.errors import ConfigError
from workers.models.config import (
    HubSource,
    ModelConfig,
    ModelFileConfig,
    RequantiseSource,
    SourceConfig,
    TruncateSource,
    WheelMember,
    validate_model,
)

WHEEL = WheelMember("package", "1.0", "package/model.gguf")
GOOD = ModelFileConfig(file="model.gguf", source=SourceConfig(wheels=[WHEEL]))


def model(**files: ModelFileConfig) -> ModelConfig:
    return ModelConfig(name="tiny", files=files)


def test_good_entries_pass() -> None:
    validate_model(model(Q8_0=GOOD))
    validate_model(ModelConfig(name="file", path="/models/any file.gguf"))


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"kind": "dynamic"}, "kind 'dynamic' is none of static, imatrix, experimental"),
        ({"variant": "half"}, "variant 'half'"),
        ({"status": "new"}, "status 'new'"),
        ({"file": "../outside.gguf"}, "may hold letters"),
        ({"file": ""}, "may hold letters"),
        ({"sha256": "B179"}, "sha256 is 64 digits"),
        ({"size_bytes": 0}, "size_bytes must be above 0"),
        ({"size_gb": -1.0}, "size_gb must be above 0"),
        ({"source": SourceConfig()}, "source takes one of"),
        (
            {"source": SourceConfig(wheels=[WHEEL], hub=HubSource("a/b", "c"))},
            "source takes one of",
        ),
        ({"source": SourceConfig(wheels=[WheelMember("a", "", "c")])}, "a wheel needs"),
        ({"source": SourceConfig(hub=HubSource("a/b", ""))}, "hub needs repo and file"),
        (
            {"source": SourceConfig(requantise=RequantiseSource("Q8_0", "Q4_K"))},
            "requantise writes Q8_0, Q5_0, Q4_0, not 'Q4_K'",
        ),
        ({"source": SourceConfig(truncate=TruncateSource("Q8_0", 0))}, "bytes above 0"),
        (
            {"source": SourceConfig(requantise=RequantiseSource("Q9", "Q4_0"))},
            "from_quant 'Q9' has no file",
        ),
    ],
)
def test_a_wrong_value_is_named(changes: dict[str, object], complaint: str) -> None:
    wrong = replace(GOOD, **changes)  # type: ignore[arg-type]  # each test names its own field
    with pytest.raises(ConfigError, match=complaint) as caught:
        validate_model(model(Q8_0=GOOD, Q4_0=wrong))
    assert "model tiny, quant Q4_0" in str(caught.value)


def test_a_file_made_from_itself_is_refused() -> None:
    loop = replace(GOOD, source=SourceConfig(requantise=RequantiseSource("Q4_0", "Q4_0")))
    with pytest.raises(ConfigError, match="is itself made from another"):
        validate_model(model(Q4_0=loop))


def test_a_default_quant_needs_a_file() -> None:
    with pytest.raises(ConfigError, match="default_quant Q2_K has no file, there are: Q8_0"):
        validate_model(replace(model(Q8_0=GOOD), default_quant="Q2_K"))


def test_path_and_files_exclude_each_other() -> None:
    with pytest.raises(ConfigError, match="path or files, not both"):
        validate_model(replace(model(Q8_0=GOOD), path="/x.gguf"))


def test_a_model_needs_a_name_that_can_be_a_folder() -> None:
    with pytest.raises(ConfigError, match="model 'a/b'"):
        validate_model(replace(model(Q8_0=GOOD), name="a/b"))


def test_the_shipped_catalogue_is_valid_and_named_by_its_files() -> None:
    catalogue = load_catalogue(None)
    assert {"smollm2-135m", "demo-truncated", "file", "qwen3-coder-next"} <= set(catalogue)
    for name, entry in catalogue.items():
        assert entry.name == name
        validate_model(entry)


def test_requantised_files_say_that_they_are_no_quality() -> None:
    files = load_catalogue(None)["smollm2-135m"].files
    made = [file for file in files.values() if file.source and file.source.requantise]
    assert len(made) == 3
    assert all("says nothing of quality" in file.notes for file in made)


def test_a_catalogue_file_of_the_user_is_read_into_the_schema(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "mine.yaml").write_text(
        "defaults: [model_schema, _self_]\n"
        "name: mine\n"
        "files: {Q8_0: {file: m.gguf, source: {hub: {repo: a/b, file: m.gguf}}}}\n"
    )
    mine = load_catalogue(tmp_path)["mine"]
    assert mine.files["Q8_0"].source == SourceConfig(hub=HubSource("a/b", "m.gguf"))


def test_an_unknown_key_in_a_catalogue_file_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "mine.yaml").write_text(
        "defaults: [model_schema, _self_]\nname: mine\nfiles: {Q8_0: {fiel: m.gguf}}\n"
    )
    with pytest.raises(ConfigError, match="fiel"):
        load_catalogue(tmp_path)
