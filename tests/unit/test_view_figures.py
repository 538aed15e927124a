"""Golden test of launch_figures, against plain Python."""

import pytest

from tests.unit.conftest import Ask
from tests.warehouse_samples import cell, trial
from warehouse.store import Warehouse


def test_figures_of_each_attempt_and_step(store: Warehouse, ask: Ask) -> None:
    generated = [(640.0, 33), (660.0, 33), (650.0, None)]
    trials = [
        *(
            trial("c1", energy_j=energy, predicted_n=n or 32, ttft_ms=7.0 + number)
            for number, (energy, n) in enumerate(generated)
        ),
        trial("c1", energy_j=None, ttft_ms=None),
        trial("c1", energy_j=9e9, ttft_ms=9e9, valid=False, invalid_reason="throttled"),
        trial("c1", kind="pp", step="pp512", prompt_n=512, energy_j=256.0, ttft_ms=900.0),
    ]
    store.commit_cell(cell("c1", launch_id="l1"), trials)
    store.commit_cell(cell("c1", 2, launch_id="l2"), [trial("c1", 2, energy_j=None, ttft_ms=5.0)])
    failed = cell("c1", 3, launch_id="l3", status="failed", failure_class="crash")
    store.commit_cell(failed, [trial("c1", 3)])
    rows = ask("SELECT * FROM launch_figures ORDER BY launch_id, kind")
    assert [(row["launch_id"], row["step"]) for row in rows] == [
        ("l1", "pp512"),
        ("l1", "tg32"),
        ("l2", "tg32"),
    ]
    prompt, first, second = rows
    assert (prompt["ttfts_ms"], prompt["energies_j"]) == ([900.0], [0.5])
    assert sorted(first["ttfts_ms"]) == [7.0, 8.0, 9.0]
    expected = [energy / (n or 32) for energy, n in generated]
    assert sorted(first["energies_j"]) == pytest.approx(sorted(expected))
    assert (second["ttfts_ms"], second["energies_j"]) == ([5.0], [])
