"""Hydra's grammar and the typed configurations that leave it; one Hydra for the whole file."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hydra._internal.hydra import Hydra
from hydra.core.override_parser.types import Glob

from orchestrator.config.compose import Composer, hydra_session, shipped_config_dir
from orchestrator.config.overrides import Overrides, axis_values, expand_quants, split_overrides
from orchestrator.config.schema import GROUPS
from warehouse.errors import ConfigError
from workers.engine.config import EngineConfig
from workers.workloads.speed.config import SpeedConfig


@pytest.fixture(scope="module")
def hydra() -> Iterator[Hydra]:
    with hydra_session(None) as session:
        yield session


@pytest.fixture(scope="module")
def composer(hydra: Hydra) -> Composer:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("HERD_WAREHOUSE", raising=False)
        return Composer(())


def axes(hydra: Hydra, *typed: str) -> dict[str, tuple[object, ...]]:
    return dict(split_overrides(hydra, typed).axes)


def refusal(hydra: Hydra, *typed: str) -> str:
    with pytest.raises(ConfigError) as told:
        Composer(split_overrides(hydra, typed).fixed).base()
    assert "\n" not in str(told.value)
    return str(told.value)


@pytest.mark.parametrize(
    ("typed", "values"),
    [
        ("context=1024,8k", (1024, "8k")),
        ("cache=f16/f16,q8_0/q4_0", ("f16/f16", "q8_0/q4_0")),
        ("context=range(1024,4096,1024)", (1024, 2048, 3072)),
        ("context=1k,range(2048,4096,1024)", ("1k", 2048, 3072)),
        ("cache='f16/f16',\"q8_0/q4_0\"", ("f16/f16", "q8_0/q4_0")),
        ("name='a,b',c", ("a,b", "c")),
        ("engine.kv_unified=true,false", (True, False)),
        ("engine.batch_size=null,512", (None, 512)),
        ("workload.prompt_sizes=[128,512],[256]", ([128, 512], [256])),
        ("model=glob(smol*)", ("smollm2-135m",)),
        ("model=glob([smol*,gemma*])", ("gemma3-270m", "smollm2-135m")),
        ("model=glob(qwen3*,exclude=*reap*)", ("qwen3-coder-next",)),
        ("engine=glob(*)", ("default",)),
    ],
)
def test_several_values_are_an_axis(hydra: Hydra, typed: str, values: tuple[object, ...]) -> None:
    assert axes(hydra, typed) == {typed.partition("=")[0]: values}


def test_a_glob_over_quants_waits_for_the_model(hydra: Hydra) -> None:
    (glob,) = axes(hydra, "quant=glob([Q4*,Q8*],exclude=Q4_1)")["quant"]
    assert isinstance(glob, Glob)
    assert expand_quants(glob, ["Q4_1", "Q8_0", "Q5_0", "Q4_0"]) == ("Q8_0", "Q4_0")


def test_single_values_are_fixed_and_narrow(hydra: Hydra) -> None:
    typed = ["context=128k", "name='a, b'", "+sweep=demo", "quant=Q4_0,Q8_0"]
    assert split_overrides(hydra, typed) == Overrides(
        fixed=(("context", "context=128k"), ("name", "name='a, b'"), ("sweep", "+sweep=demo")),
        pinned={"context": "128k", "name": "a, b"},
        axes={"quant": ("Q4_0", "Q8_0")},
        preset="demo",
    )


@pytest.mark.parametrize(
    ("written", "values"),
    [
        ([1, "8k"], (1, "8k")),
        (["f16/f16"], ("f16/f16",)),
        (16_000_000, (16_000_000,)),
        ("off", ("off",)),
        ("1k,2k", ("1k", "2k")),
        ("range(1,4)", (1, 2, 3)),
        (None, (None,)),
    ],
)
def test_a_preset_writes_lists_scalars_or_the_grammar(
    hydra: Hydra, written: object, values: tuple[object, ...]
) -> None:
    assert axis_values(hydra, "context", written) == values


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        ("sweep=demo", "a preset is added: write +sweep=demo"),
        ("+sweep=demo,other", "one preset at a time: +sweep=NAME"),
        ("+foo=1", "unknown key 'foo': + is for +sweep=NAME and for new dict entries"),
        ("model=glob(zz*)", "the axis 'model=glob(zz*)' has no values"),
        ("context=glob(*)", f"glob() is for quant and for {', '.join(GROUPS)}, not for 'context'"),
    ],
)
def test_what_cannot_be_typed_is_told(hydra: Hydra, typed: str, complaint: str) -> None:
    assert refusal(hydra, typed) == complaint


@pytest.mark.parametrize("typed", ["a b", "quant=Q4_0,", "quant=("])
def test_bad_grammar_is_told_in_one_line(hydra: Hydra, typed: str) -> None:
    assert refusal(hydra, typed).startswith(f"cannot read '{typed}': write KEY=VALUE")


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        ("foo=1", "unknown key 'foo'"),
        ("++foo=1", "unknown key 'foo'"),
        ("engine.foo=1", "unknown key 'engine.foo'"),
        ("+engine.foo=1", "unknown key 'engine.foo'"),
        ("engine=nope", "Could not find 'engine/nope'; there are: default"),
        ("workload=nope", "Could not find 'workload/nope'; there are: agent, concurrency,"),
        (
            "+sweep=nope",
            "Could not find 'sweep/nope'; there are: agents, agents-stress, calibrate",
        ),
        ("model=nope", "gemma3-270m, qwen2.5-coder-1.5b,"),
        ("engine.batch_size=abc", "Value 'abc' of type 'str' could not be converted to Integer"),
        ("context=1.5", "context=1.5"),
        ("context=null", "context=null"),
        ("~foo", "'foo' does not exist"),
        ("~workload.seed", "~workload.seed"),
    ],
)
def test_what_does_not_exist_or_fit_is_told(hydra: Hydra, typed: str, complaint: str) -> None:
    told = refusal(hydra, typed)
    assert complaint in told
    assert "_schema" not in told


def test_the_base_is_typed_with_the_shipped_values(composer: Composer) -> None:
    config = composer.base()
    assert config.model.name == "smollm2-135m"
    assert config.engine == EngineConfig()
    assert config.workload == SpeedConfig()
    assert config.warehouse.uri == "herd-data"
    assert (config.context, config.cache, config.pairing) == (4096, "f16/f16", "auto")


def test_a_point_changes_its_keys_and_nothing_else(composer: Composer) -> None:
    changed = composer.cell({"context": "8k", "engine.batch_size": 512, "workload.seed": 7})
    assert changed.context == "8k"
    assert changed.engine == EngineConfig(batch_size=512)
    assert changed.workload == SpeedConfig(seed=7)
    assert composer.cell({}) == composer.base()


def test_a_value_is_converted_as_the_schema_wants_it(composer: Composer) -> None:
    changed = composer.cell({"engine.batch_size": "512", "workload.prompt_sizes": [64, "128"]})
    assert changed.engine.batch_size == 512
    assert changed.workload.prompt_sizes == [64, 128]


def test_a_group_in_a_point_chooses_another_file(composer: Composer) -> None:
    changed = composer.cell({"model": "gemma3-270m", "model.name": "mine"})
    assert changed.model.name == "mine"
    assert list(changed.model.files) == ["Q4_K_M"]
    assert composer.base().model.name == "smollm2-135m"


@pytest.mark.parametrize(
    ("key", "value", "complaint"),
    [
        ("foo", 1, "foo=1: Key 'foo' not in 'HerdConfig'"),
        ("engine.foo", 1, "engine.foo=1: Key 'foo' not in 'EngineConfig'"),
        ("engine.batch_size", "abc", "engine.batch_size=abc: Value 'abc'"),
        ("engine", "nope", "Could not find 'engine/nope'; there are: default"),
    ],
)
def test_a_bad_point_is_told(composer: Composer, key: str, value: object, complaint: str) -> None:
    with pytest.raises(ConfigError) as told:
        composer.cell({key: value})
    assert complaint in str(told.value)
    assert "\n" not in str(told.value)


def test_an_axis_wins_over_a_fixed_value_of_its_group(hydra: Hydra) -> None:
    fixed = split_overrides(hydra, ["model=demo-truncated", "engine.batch_size=64"]).fixed
    config = Composer(fixed).cell({"model": "smollm2-135m"})
    assert (config.model.name, config.engine.batch_size) == ("smollm2-135m", 64)


def test_dictionaries_take_new_entries(hydra: Hydra) -> None:
    config = Composer(split_overrides(hydra, ["+engine.env.GGML_X=1"]).fixed).base()
    assert config.engine.env == {"GGML_X": "1"}


@pytest.mark.parametrize(
    ("environment", "typed", "uri"),
    [
        (None, (), "herd-data"),
        ("/data/rows", (), "/data/rows"),
        ("/data/with space, comma", (), "/data/with space, comma"),
        ("/data/rows", ("warehouse.uri=/typed",), "/typed"),
    ],
)
def test_the_warehouse_is_typed_or_of_the_environment_or_of_a_file(
    hydra: Hydra,
    monkeypatch: pytest.MonkeyPatch,
    environment: str | None,
    typed: tuple[str, ...],
    uri: str,
) -> None:
    monkeypatch.delenv("HERD_WAREHOUSE", raising=False)
    if environment is not None:
        monkeypatch.setenv("HERD_WAREHOUSE", environment)
    assert Composer(split_overrides(hydra, typed).fixed).base().warehouse.uri == uri


def test_the_shipped_folder_holds_every_group() -> None:
    groups = {path.name for path in shipped_config_dir().iterdir() if path.is_dir()}
    assert groups == {"model", "engine", "workload", "fleet", "sweep", "warehouse"}


def test_a_config_folder_that_is_none_is_told(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    with pytest.raises(ConfigError, match=f"--config-dir {missing} is not a folder"):
        hydra_session(missing).__enter__()
