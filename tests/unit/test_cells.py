import pytest

from orchestrator.cells import FROM_HEADER, specs
from orchestrator.config import Composer
from orchestrator.config.compose import hydra_session
from orchestrator.config.overrides import axis_values
from tests.unit.orchestrator_samples import planned, spec
from warehouse.errors import ConfigError
from workers.measure import MeasureConfig
from workers.workloads.speed.config import SpeedConfig


def composed(*fixed: tuple[str, str]) -> Composer:
    """A composer that has composed: plain values on top need no Hydra any more."""
    with hydra_session(None):
        composer = Composer(fixed)
        composer.base()
    return composer


@pytest.fixture(scope="module")
def composer() -> Composer:
    return composed()


@pytest.fixture(scope="module")
def by_path() -> Composer:
    return composed(("model", "model=file"), ("model.path", "model.path=/models/a.gguf"))


def test_a_point_without_axes_is_the_configuration(composer: Composer) -> None:
    (cell,) = specs([{}], composer)
    assert (cell.model.name, cell.quant, cell.context) == ("smollm2-135m", "Q4_1", 4096)
    assert (cell.cache_k, cell.cache_v) == ("f16", "f16")
    assert (cell.pairing, cell.split) == ("auto", None)
    assert cell.workload == SpeedConfig()
    assert (cell.prune, cell.max_attempts, cell.other_axes) == (True, 2, ())


def test_the_axes_of_a_point_are_parsed(composer: Composer) -> None:
    point = {
        "quant": "Q8_0",
        "context": "8k",
        "cache": "q8_0/q4_0",
        "pairing": "pair",
        "split": "14/10",
    }
    (cell,) = specs([point], composer)
    assert (cell.quant, cell.context) == ("Q8_0", 8192)
    assert (cell.cache_k, cell.cache_v) == ("q8_0", "q4_0")
    assert (cell.pairing, cell.split) == ("pair", (14.0, 10.0))
    assert cell.other_axes == ()


def test_further_axes_are_kept_by_name(composer: Composer) -> None:
    point = {"workload.seed": 7, "context": 1024, "plan.prune": "off", "engine.batch_size": 64}
    (cell,) = specs([point], composer)
    assert cell.other_axes == (
        ("engine.batch_size", 64),
        ("plan.prune", "off"),
        ("workload.seed", 7),
    )
    assert (cell.engine.batch_size, cell.prune, cell.workload) == (64, False, SpeedConfig(seed=7))


def test_cells_come_in_the_order_of_the_points(composer: Composer) -> None:
    cells = specs([{"context": 2048}, {"context": 1024}], composer)
    assert [cell.context for cell in cells] == [2048, 1024]


@pytest.mark.parametrize(
    ("model", "pattern", "quants"),
    [
        ("smollm2-135m", "glob(*)", ["Q4_1", "Q8_0", "Q5_0", "Q4_0"]),
        ("smollm2-135m", "glob(Q4*)", ["Q4_1", "Q4_0"]),
        ("gemma3-270m", "glob(*)", ["Q4_K_M"]),
    ],
)
def test_a_glob_over_quants_is_that_of_each_model(
    model: str, pattern: str, quants: list[str]
) -> None:
    with hydra_session(None) as hydra:
        (glob,) = axis_values(hydra, "quant", pattern)
        cells = specs([{"model": model, "quant": glob}], Composer(()))
    assert [cell.quant for cell in cells] == quants


def test_a_glob_that_matches_no_quant_is_told() -> None:
    with hydra_session(None) as hydra:
        (glob,) = axis_values(hydra, "quant", "glob(Z*)")
        with pytest.raises(ConfigError, match=r"model smollm2-135m: no quant matches \['Z\*'\]"):
            specs([{"quant": glob}], Composer(()))


@pytest.mark.parametrize(
    ("point", "complaint"),
    [
        ({"quant": "Q9"}, "model smollm2-135m has no quant 'Q9'; the catalogue has Q4_1, Q8_0"),
        ({"cache": "q9_0/f16"}, "cache=q9_0/f16: unknown cache type 'q9_0'"),
        ({"context": "128m"}, "context=128m: write tokens (131072) or multiples"),
        ({"pairing": "two"}, "pairing=two: unknown; write one of auto, cpu"),
        ({"split": "14:10"}, "split=14:10: write even, by_memory, or a ratio"),
        ({"plan.prune": "maybe"}, "plan.prune=maybe: write predict or off"),
        ({"measure.gpu_foreign": "kill"}, "measure.gpu_foreign=kill: write warn, wait, fail"),
        (
            {"measure.invalid_when": ["hot"]},
            "measure.invalid_when: unknown mark 'hot'; there are throttled, clock_drop",
        ),
        ({"measure.cool_down_s": -1}, "measure.cool_down_s=-1: write a number from 0 up"),
    ],
)
def test_an_unknown_value_is_told(
    composer: Composer, point: dict[str, object], complaint: str
) -> None:
    with pytest.raises(ConfigError) as told:
        specs([point], composer)
    assert str(told.value).startswith(complaint)


def test_the_quant_of_a_model_by_path_is_in_its_header(by_path: Composer) -> None:
    (cell,) = specs([{}], by_path)
    assert (cell.quant, cell.model.path) == (FROM_HEADER, "/models/a.gguf")


def test_a_model_by_path_takes_a_quant_as_its_label(by_path: Composer) -> None:
    (cell,) = specs([{"quant": "mine"}], by_path)
    assert cell.quant == "mine"


def test_a_model_without_a_default_quant_wants_one() -> None:
    with hydra_session(None), pytest.raises(ConfigError) as told:
        specs([{}], Composer([("model", "model=file")]))
    assert str(told.value) == "model file has no default quant: write quant=..."


def test_how_it_is_measured_is_the_same_cell(composer: Composer) -> None:
    """Policies and limits reach the cell, which stays the one that was measured with others."""
    point = {"measure.gpu_foreign": "wait", "measure.invalid_when": ["foreign_gpu"]}
    (cell,) = specs([point], composer)
    assert cell.measure == MeasureConfig(gpu_foreign="wait", invalid_when=["foreign_gpu"])
    assert planned(spec(measure=cell.measure)).cell_id == planned(spec()).cell_id
