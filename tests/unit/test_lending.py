from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.fleet.lending import lend
from orchestrator.host_view import HostView
from tests.tiny_models import write_tiny
from tests.unit.orchestrator_samples import plan_of, spec, view
from workers.models.config import ModelConfig, ModelFileConfig
from workers.models.header import read_header
from workers.models.shape import ModelShape, model_shape

KEY = ("tiny", "Q4_1", None)
LISTED = ModelConfig(
    name="tiny",
    files={"Q4_1": ModelFileConfig(file="Q4_1.gguf", sha256="c" * 64, size_bytes=4321)},
)


@pytest.fixture
def shape(tmp_path: Path) -> ModelShape:
    return model_shape(read_header(write_tiny(tmp_path / "tiny.gguf", "llama")))


def lacking(host_id: str, folder: str = "/elsewhere") -> HostView:
    empty = view(host_id, sha256={}, folder=folder)
    return replace(empty, unreadable={KEY: "no such file"})


def having(host_id: str, shape: ModelShape) -> HostView:
    full = view(host_id)
    file = replace(full.models[KEY], size_bytes=1234)
    return replace(full, models={**full.models, KEY: file}, shapes={KEY: shape})


def test_a_host_borrows_what_another_one_knows(shape: ModelShape) -> None:
    owner = having("alpha", shape)
    lent, kept = lend([lacking("beta"), owner], [spec()])
    assert kept is owner
    file = lent.models[KEY]
    assert (file.path, file.size_bytes) == ("/elsewhere/Q4_1.gguf", 1234)
    assert file.sha256 == owner.models[KEY].sha256
    assert lent.shapes[KEY] is shape
    assert KEY not in lent.unreadable


def test_hosts_of_one_class_share_the_cell_of_a_file_that_one_has(shape: ModelShape) -> None:
    hosts = (lacking("beta"), having("alpha", shape))
    (cell,) = plan_of(spec(), hosts=lend(hosts, [spec()])).cells
    (alone,) = plan_of(spec(), hosts=(having("alpha", shape),)).cells
    assert cell.cell_id == alone.cell_id
    assert cell.hosts == ("beta", "alpha")


def test_of_a_file_that_is_nowhere_the_catalogue_tells_the_hash() -> None:
    (lent,) = lend([lacking("beta")], [spec(model=LISTED)])
    file = lent.models[KEY]
    assert (file.sha256, file.size_bytes) == ("c" * 64, 4321)
    assert lent.unreadable[KEY] == "no such file"
    (unknown,) = lend([lacking("beta")], [spec()])
    assert unknown.models[KEY].sha256 is None


def test_a_hosts_own_file_stays_its_own(shape: ModelShape) -> None:
    mine = view("beta", sha256={"Q4_1": "d" * 64, "Q8_0": "e" * 64})
    lent, _ = lend([mine, having("alpha", shape)], [spec(model=LISTED)])
    assert lent is mine
