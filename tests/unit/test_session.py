"""Whole commands, from what is typed and the user's files to the cells."""

from collections import Counter
from pathlib import Path

import pytest

from orchestrator.cells import CellSpec
from orchestrator.session import Command, read_command
from orchestrator.settings import configuration, warehouse_storage
from warehouse.errors import ConfigError
from warehouse.folder import FolderStorage
from workers.workloads.speed.config import SpeedConfig


def speed(cell: CellSpec) -> SpeedConfig:
    assert isinstance(cell.workload, SpeedConfig)
    return cell.workload


@pytest.fixture(autouse=True)
def no_warehouse_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HERD_WAREHOUSE", raising=False)


@pytest.fixture
def user(tmp_path: Path) -> Path:
    """A configuration folder of a user, empty."""
    folder = tmp_path / "conf"
    folder.mkdir()
    return folder


def put(folder: Path, name: str, text: str) -> None:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def contexts(command: Command) -> list[int]:
    return [cell.context for cell in command.cells]


def test_the_demo_has_twelve_cells_that_work_and_two_that_cannot() -> None:
    command = read_command(["+sweep=demo"], None)
    assert command.name == "demo"
    cells = command.cells
    assert len(cells) == 14
    works = [c for c in cells if c.model.name == "smollm2-135m" and c.context <= 2048]
    axes = Counter((c.quant, c.context, c.cache_k, c.cache_v) for c in works)
    assert axes == Counter(
        (quant, context, *cache)
        for quant in ("Q4_1", "Q8_0", "Q4_0")
        for context in (1024, 2048)
        for cache in (("f16", "f16"), ("q8_0", "q4_0"))
    )
    truncated, huge = (c for c in cells if c not in works)
    assert (truncated.model.name, truncated.quant) == ("demo-truncated", "Q4_1-truncated")
    assert (huge.context, huge.engine.address_space_gib, huge.prune) == (16_000_000, 4, False)
    for cell in cells:
        assert cell.pairing == "cpu"
        assert cell.engine.batch_size == 512
        assert (speed(cell).prompt_sizes, speed(cell).n_predict) == ([128, 512], 32)


def test_a_command_narrows_and_multiplies_a_preset() -> None:
    """Two of three quants leave 8 and the two special cells, each with two seeds."""
    typed = ["+sweep=demo", "quant=Q4_0,Q8_0", "workload.seed=1,2", "name=mine"]
    command = read_command(typed, None)
    assert command.name == "mine"
    assert command.overrides == tuple(typed)
    assert len(command.cells) == 20
    assert Counter(speed(c).seed for c in command.cells) == {1: 10, 2: 10}
    assert {c.quant for c in command.cells} == {"Q4_0", "Q8_0", "Q4_1", "Q4_1-truncated"}


def test_without_overrides_there_is_one_cell() -> None:
    command = read_command([], None)
    assert (command.name, len(command.cells)) == ("sweep", 1)
    assert command.storage == FolderStorage(Path("herd-data"))


def test_axes_multiply() -> None:
    command = read_command(["quant=Q4_0,Q8_0", "context=range(1024,4096,1024)"], None)
    asked = [(c.quant, c.context) for c in command.cells]
    assert asked == [(q, c) for q in ("Q4_0", "Q8_0") for c in (1024, 2048, 3072)]


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        ("quant=Q4_0,Q9", "model smollm2-135m has no quant 'Q9'; the catalogue has Q4_1, Q8_0"),
        ("cache=f16/f16,q9_0/f16", "cache=q9_0/f16: unknown cache type 'q9_0'"),
        ("context=4k,many", "context=many: write tokens (131072) or multiples of 1024 (128k)"),
        ("foo=1,2", "foo=1: Key 'foo' not in 'HerdConfig'"),
        ("model=smollm2-135m,nope", "In 'herd': Could not find 'model/nope'"),
        ("context=range(1,200000)", "the matrix has over 100,000 cells: narrow an axis"),
        ("plan.prune=maybe", "plan.prune=maybe: write predict or off"),
        ("tariff.per_kwh=-1", "tariff.per_kwh=-1: write a price from 0 up"),
    ],
)
def test_what_is_wrong_with_the_command_is_one_line(typed: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as told:
        read_command([typed], None)
    assert str(told.value).startswith(complaint)
    assert "\n" not in str(told.value)


def test_a_users_file_wins_over_the_shipped_one_of_its_name(user: Path) -> None:
    defaults = "defaults: [speed_schema, _self_]\n"
    put(user, "workload/speed.yaml", f"{defaults}name: speed\nn_predict: 64\n")
    config = configuration([], user)
    assert (config.workload.n_predict, config.workload.repetitions) == (64, 5)
    assert config.model.name == "smollm2-135m"


def test_a_users_file_of_a_new_name_is_a_choice_beside_the_shipped_ones(user: Path) -> None:
    put(user, "engine/mine.yaml", "defaults: [engine_schema, _self_]\nname: mine\n")
    command = read_command(["engine=default,mine"], user)
    assert [cell.engine.name for cell in command.cells] == ["default", "mine"]
    globbed = read_command(["engine=glob(*)"], user)
    assert [cell.engine.name for cell in globbed.cells] == ["default", "mine"]


def test_the_conf_folder_beside_the_user_counts_without_a_word(
    user: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(user.parent)
    put(user, "local/default.yaml", "# @package _global_\ncontext: 8k\n")
    assert contexts(read_command([], None)) == [8192]


def test_the_machines_own_settings_win_over_files_and_lose_to_the_command_line(user: Path) -> None:
    settings = "# @package _global_\ncontext: 8k\nengine: {binary: /opt/llama-server}\n"
    put(user, "local/default.yaml", settings)
    command = read_command([], user)
    assert contexts(command) == [8192]
    assert command.config.engine.binary == "/opt/llama-server"
    assert contexts(read_command(["context=1k,2k"], user)) == [1024, 2048]


def test_a_preset_of_the_user_may_have_every_kind_of_block(user: Path) -> None:
    put(
        user,
        "sweep/mine.yaml",
        """\
# @package _global_
matrix:
  product: {quant: "Q4_1,Q4_0", pairing: [cpu]}
  zip: {workload.seed: "range(1,3)", workload.n_predict: [8, 16]}
  when:
    - match: {quant: Q4_0}
      product: {cache: [f16/f16, q8_0/q8_0]}
    - match: {workload.seed: 2}
      product: {context: "1k,2k"}
  exclude:
    - {cache: q8_0/q8_0, context: 2k}
""",
    )
    command = read_command(["+sweep=mine"], user)
    assert command.name == "mine"
    asked = [
        (c.quant, speed(c).seed, speed(c).n_predict, c.cache_k, c.context) for c in command.cells
    ]
    assert asked == [
        ("Q4_1", 1, 8, "f16", 4096),
        ("Q4_1", 2, 16, "f16", 1024),
        ("Q4_1", 2, 16, "f16", 2048),
        ("Q4_0", 1, 8, "f16", 4096),
        ("Q4_0", 1, 8, "q8_0", 4096),
        ("Q4_0", 2, 16, "f16", 1024),
        ("Q4_0", 2, 16, "f16", 2048),
        ("Q4_0", 2, 16, "q8_0", 1024),
    ]


def test_a_preset_that_is_wrong_is_told(user: Path) -> None:
    put(user, "sweep/bad.yaml", "# @package _global_\nmatrix: {prodcut: {quant: [Q4_0]}}\n")
    with pytest.raises(ConfigError, match="matrix: unknown key 'prodcut'"):
        read_command(["+sweep=bad"], user)


def test_an_unknown_key_in_a_file_is_told(user: Path) -> None:
    put(user, "local/default.yaml", "# @package _global_\nengine: {batchsize: 1}\n")
    with pytest.raises(ConfigError, match="batchsize") as told:
        read_command([], user)
    assert "\n" not in str(told.value)


def test_the_warehouse_is_typed_then_of_the_environment_then_of_files(
    user: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(user, "local/default.yaml", "# @package _global_\nwarehouse: {uri: ~/mine}\n")
    assert warehouse_storage(user) == FolderStorage(Path.home() / "mine")
    monkeypatch.setenv("HERD_WAREHOUSE", "/environment")
    assert warehouse_storage(user) == FolderStorage(Path("/environment"))
    typed = read_command(["warehouse.uri=/typed"], user)
    assert typed.storage == FolderStorage(Path("/typed"))
