"""History for forecasts, out of a real warehouse."""

from pathlib import Path

import pytest

from orchestrator.forecast import Forecaster
from orchestrator.history import read_history, setting_of
from orchestrator.identity import workload_facts
from orchestrator.measured import MeasuredCell, Setting, workload_tokens
from tests import warehouse_samples as samples
from tests.unit.orchestrator_samples import build, device, gpu, planned, spec, view
from warehouse import rows
from warehouse.connection import connect
from workers.workloads.speed.config import SpeedConfig

GPUS = view(engine=build(device(0), device(1)), hardware_class="two", gpus=(gpu(0), gpu(1)))
SERVER = planned(spec(pairing="cpu"), GPUS).server.config
SPEED = workload_facts(SpeedConfig(prompt_sizes=[128, 512], repetitions=2))
MODEL = samples.model()


def cell(attempt: int, status: str = "ok", cell_id: str = "a") -> rows.Cell:
    return samples.cell(
        cell_id,
        attempt,
        status=status,
        server_config=SERVER,
        workload_config=SPEED,
        model_sha256="41",
        ended_at=samples.at(10 + 20 * attempt),
    )


def trials(attempt: int, tg: float) -> list[rows.Trial]:
    def pp(size: int, speed: float) -> rows.Trial:
        changes = {"step": f"pp{size}", "kind": "pp", "prompt_n_asked": size, "tg_tok_s": None}
        return samples.trial("a", attempt, **changes, pp_tok_s=speed)

    return [
        samples.trial("a", attempt, tg_tok_s=tg),
        samples.trial("a", attempt, tg_tok_s=tg + 2),
        samples.trial("a", attempt, tg_tok_s=900.0, valid=False),
        samples.trial("a", attempt, tg_tok_s=5.0, depth=512),
        pp(128, 400.0),
        pp(512, 200.0),
    ]


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> tuple[MeasuredCell, ...]:
    root = tmp_path_factory.mktemp("warehouse") / "w"
    warehouse = samples.warehouse(root)
    warehouse.write_sweep(samples.sweep(), [], [], [], [MODEL])
    warehouse.write_launch(samples.launch(load_ms=950.0), [])
    warehouse.commit_cell(cell(1), trials(1, 39.0), [])
    warehouse.commit_cell(cell(2), trials(2, 41.0), [])
    warehouse.commit_cell(cell(3, "failed"), trials(3, 1.0), [])
    warehouse.commit_cell(cell(1, cell_id="b"), [], [])
    with connect(root) as connection:
        return read_history(connection)


def test_every_attempt_that_succeeded_has_its_speeds_and_times(
    history: tuple[MeasuredCell, ...],
) -> None:
    told = [(h.facts.cell_id, h.tg_tok_s, h.pp_tok_s, h.seconds, h.load_ms) for h in history]
    assert told == [
        ("a", 40.0, 200.0, 20.0, 950.0),
        ("a", 42.0, 200.0, 40.0, 950.0),
        ("b", None, None, 20.0, 950.0),
    ]


def test_its_facts_are_those_of_the_plan(history: tuple[MeasuredCell, ...]) -> None:
    facts = history[0].facts
    assert (facts.model, facts.quant, facts.size_bytes) == ("smollm2", "Q4_1", 98_000_000)
    assert (facts.context, facts.cache_k, facts.cache_v) == (4096, "f16", "f16")
    assert facts.setting == setting_of(SERVER)
    assert facts.workload == workload_tokens("speed", SPEED, 4096)
    assert facts.workload.prompt_tokens == 2 * (128 + 512)


def test_a_setting_is_everything_but_model_context_caches_and_build() -> None:
    one = planned(spec(pairing="cpu"), GPUS)
    alike = planned(spec(pairing="cpu", quant="Q8_0", context=8192, cache_k="q8_0"), GPUS)
    assert setting_of(one.server.config) == setting_of(alike.server.config)
    other = view(engine=build(device(0)), hardware_class="one")
    assert setting_of(planned(spec(), other).server.config).hardware_class == "one"
    setting = setting_of(SERVER)
    assert setting == Setting("two", (), (), setting.engine)
    assert '"batch_size":2048' in setting.engine


def test_history_and_plan_meet_in_a_forecast(history: tuple[MeasuredCell, ...]) -> None:
    expected = Forecaster(history).forecast(history[0].facts)
    assert expected is not None
    assert expected.tg_tok_s == 41.0
    assert expected.basis == "this cell: 2 measured"


def test_an_empty_warehouse_has_no_history(tmp_path: Path) -> None:
    samples.warehouse(tmp_path / "w")
    with connect(tmp_path / "w") as connection:
        assert read_history(connection) == ()
