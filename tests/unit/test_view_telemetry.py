"""Golden tests of the views over telemetry: small hand-made rows against plain Python."""

from statistics import median

import pytest

from tests.unit.conftest import Ask
from tests.warehouse_samples import at, cell, host, launch, planned, sweep, trial
from warehouse import rows
from warehouse.store import Warehouse


def test_loads_by_what_lay_in_memory(store: Warehouse, ask: Ask) -> None:
    file = rows.Model(
        model_sha256="m1",
        host_id="alpha",
        seen_at=at(0),
        model="smollm2",
        quant="Q4_1",
        path="/models/m.gguf",
        size_bytes=500 * 2**20,
        architecture=None,
        facts=None,
    )
    store.write_sweep(sweep(), [planned("c1", model_sha256="m1")], [], [host()], [file])
    fractions = {"a": 0.0, "b": 0.0499, "c": 0.05, "d": 0.95, "e": 0.951, "f": None}
    for number, (name, fraction) in enumerate(fractions.items()):
        store.write_launch(
            launch(name, page_cache_fraction=fraction, load_ms=400.0, started_at=at(number)), []
        )
    store.write_launch(launch("failed", load_ms=None), [])
    store.write_launch(launch("z", server_id="elsewhere", started_at=at(99)), [])
    unplanned, *found = ask("SELECT * FROM loads")
    states = {row["launch_id"]: row["load_state"] for row in found}
    assert states == {
        "a": "cold",
        "b": "cold",
        "c": "partly",
        "d": "partly",
        "e": "warm",
        "f": "unknown",
    }
    assert [row["launch_id"] for row in found] == ["f", "e", "d", "c", "b", "a"]
    assert {(row["file_mib"], row["load_mib_s"]) for row in found} == {(500.0, 500.0 / 0.4)}
    assert (unplanned["launch_id"], unplanned["load_mib_s"]) == ("z", None)


def test_energy_by_token_gross_and_above_idle(store: Warehouse, ask: Ask) -> None:
    idle_w = 70.0
    store.write_launch(launch("l1", idle_power_w=idle_w), [])
    generated = [(200.0, 2.0), (260.0, 2.5), (210.0, 2.1)]
    trials = [
        *(
            trial(
                "c1",
                energy_j=joules,
                energy_reason=None,
                energy_source=source,
                total_ms=seconds * 1000,
                predicted_n=128,
                power_mean_w=joules / seconds,
            )
            for (joules, seconds), source in zip(
                generated, ("counter", "integrated", "counter"), strict=True
            )
        ),
        trial("c1", energy_reason="0.20 s are less than 0.5 s", power_mean_w=1.0),
        trial("c1", valid=False, energy_j=9000.0, energy_source="counter"),
        trial(
            "c1",
            kind="pp",
            step="pp2048",
            prompt_n=2048,
            predicted_n=1,
            total_ms=800.0,
            energy_j=400.0,
            energy_source="counter",
            energy_reason=None,
        ),
        trial("c1", kind="pp", step="pp64", prompt_n=64, energy_reason="too short"),
    ]
    store.commit_cell(cell("c1"), trials, [])
    small, large, tg = ask("SELECT * FROM energy ORDER BY kind, step DESC")
    assert tg["j_per_token"] == pytest.approx(median(j / 128 for j, _ in generated))
    assert tg["j_per_token_above_idle"] == pytest.approx(
        median((j - idle_w * s) / 128 for j, s in generated)
    )
    assert tg["power_mean_w"] == pytest.approx(median(j / s for j, s in generated))
    assert (tg["trials"], tg["trials_without_energy"], tg["idle_power_w"]) == (3, 1, idle_w)
    assert (tg["energy_source"], tg["energy_reason"]) == (
        "integrated",
        "0.20 s are less than 0.5 s",
    )
    assert large["j_per_token"] == pytest.approx(400 / 2048)
    assert large["j_per_token_above_idle"] == pytest.approx((400 - 70 * 0.8) / 2048)
    assert (small["j_per_token"], small["trials"], small["energy_reason"]) == (
        None,
        0,
        "too short",
    )


def test_energy_without_idle_power_is_gross_only(store: Warehouse, ask: Ask) -> None:
    store.write_launch(launch("l1"), [])
    store.commit_cell(cell("c1"), [trial("c1", energy_j=64.0, predicted_n=32)], [])
    (row,) = ask("SELECT j_per_token, j_per_token_above_idle FROM energy")
    assert row == {"j_per_token": 2.0, "j_per_token_above_idle": None}


def test_costs_are_by_the_tariff_of_the_latest_sweep_that_names_one(
    store: Warehouse, ask: Ask
) -> None:
    def named(sweep_id: str, seconds: float, config: str) -> None:
        store.write_sweep(sweep(sweep_id, config=config, started_at=at(seconds)), [], [], [], [])

    trials = [
        *(trial("c1", energy_j=joules, predicted_n=32) for joules in (64.0, 80.0, 66.0)),
        trial("c1", energy_j=999.0, valid=False, invalid_reason="throttled"),
    ]
    store.commit_cell(cell("c1"), trials, [])
    named("w1", 0, "{}")
    query = "SELECT cost_per_million, currency, trials, trials_dropped FROM energy"
    assert ask(query) == [
        {"cost_per_million": None, "currency": None, "trials": 3, "trials_dropped": 1}
    ]
    named("w2", 10, '{"tariff":{"per_kwh":0.2,"currency":"CHF"}}')
    named("w3", 30, '{"tariff":{"per_kwh":0.35,"currency":"EUR"}}')
    named("w4", 20, '{"tariff":{"per_kwh":9.9,"currency":"USD"}}')
    named("w5", 40, '{"tariff":{"per_kwh":null,"currency":"EUR"}}')
    named("w6", 50, '{"plan":{"margin_mib":NaN}}')  # no JSON: Python writes it so
    (row,) = ask(query)
    kwh = 66.0 / 32 * 1e6 / 3.6e6
    assert row["cost_per_million"] == pytest.approx(0.35 * kwh)
    assert row["currency"] == "EUR"


def test_disturbed_trials_beside_the_others(store: Warehouse, ask: Ask) -> None:
    quiet = [40.0, 42.0, 41.0]
    trials = [
        *(trial("c1", tg_tok_s=speed) for speed in quiet),
        trial(
            "c1",
            tg_tok_s=24.6,
            disturbed="throttled,clock_drop",
            valid=False,
            invalid_reason="disturbed: throttled, clock_drop",
            repetition=4,
            started_at=at(15),
        ),
        trial("c1", tg_tok_s=10.0, depth=4096, disturbed="host_busy", started_at=at(16)),
        trial("c1", tg_tok_s=1.0, valid=False, invalid_reason="cache_n is 7, asked for 0"),
    ]
    store.commit_cell(cell("c1"), trials, [])
    deep, hot = ask("SELECT * FROM disturbed_trials")
    assert (deep["disturbed"], deep["valid"], deep["ratio"]) == ("host_busy", True, None)
    assert hot["repetition"] == 4
    assert hot["undisturbed_tok_s"] == median(quiet)
    assert hot["ratio"] == pytest.approx(24.6 / median(quiet))
    assert hot["invalid_reason"] == "disturbed: throttled, clock_drop"
