"""Predicted memory on the whole of herd: said before the run, recorded beside what was measured."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.gpu_table import write_model
from tests.herd_process import Herd

SHORT = ("workload.repetitions=1", "workload.n_predict=4", "workload.prompt_sizes=[16]")


def sweep(model: Path, *more: str) -> tuple[str, ...]:
    return ("sweep", "model=file", f"model.path={model}", "pairing=cpu", *SHORT, *more)


def plan(herd: Herd, *overrides: str) -> list[dict[str, Any]]:
    result = herd.run("plan", *overrides, "--format", "json")
    assert result.returncode == 0, result.stderr
    cells: list[dict[str, Any]] = json.loads(result.stdout)
    return cells


@pytest.mark.timeout(240)
def test_predictions_are_rows_beside_what_was_measured_and_learn_from_it(
    herd: Herd, real_model: Path
) -> None:
    first = herd.run(*sweep(real_model, "context=1024"))
    assert first.returncode == 0, first.stdout + first.stderr
    second = herd.run(*sweep(real_model, "context=2048", "cache=q8_0/q4_0"))
    assert second.returncode == 0, second.stdout + second.stderr
    rows = herd.query("select * from predicted_vs_measured where device = 'Host'")
    found = {(row["context"], row["part"]): row for row in rows}
    for context in (1024, 2048):
        # KiB of 30 layers, 3 heads of 64: f16/f16, then q8_0/q4_0
        kv = context * 30 * 3 * 64 * (4 if context == 1024 else (34 + 18) / 32) / 2**20
        assert found[context, "kv"]["predicted_mib"] == pytest.approx(kv)
        assert found[context, "kv"]["measured_mib"] == pytest.approx(kv, abs=0.0051)
        assert found[context, "weights"]["error_mib"] == pytest.approx(0, abs=0.0051)
    assert found[1024, "compute"]["basis"] == found[1024, "total"]["basis"] == "estimate"
    assert found[2048, "compute"]["basis"] == found[2048, "total"]["basis"] == "history"
    assert found[1024, "total"]["error_mib"] > 0
    assert abs(found[2048, "total"]["error_pct"]) < 10
    errors = herd.query("select part, basis, launches from prediction_error")
    assert {"part": "kv", "basis": "exact", "launches": 2} in errors
    inspected = herd.run("models", "inspect", str(real_model), "--format", "json")
    kv_mib = json.loads(inspected.stdout)["kv_mib"]
    assert not any("1024" in key for row in kv_mib for key in row)  # no column of the table


def test_a_model_that_cannot_be_read_is_a_note_of_its_cell(herd: Herd, tmp_path: Path) -> None:
    text = tmp_path / "notes.gguf"
    text.write_text("no model at all")
    (cell,) = plan(herd, "model=file", f"model.path={text}", "quant=Q4", "pairing=cpu")
    assert cell["decision"] == "run"
    assert "memory is not predicted" in cell["reason"]
    assert "notes.gguf" in cell["reason"]
    (folder,) = plan(herd, "model=file", f"model.path={tmp_path}", "pairing=cpu")
    assert (folder["decision"], folder["memory"]) == ("run", None)
    assert folder["reason"].endswith(f"{tmp_path}: is a directory")


@pytest.mark.timeout(240)
def test_the_matrix_of_the_record_is_planned_for_its_host(herd: Herd, tmp_path: Path) -> None:
    """Its header and a sparse file of 18.2 GB; the host is described, not present."""
    model = write_model(tmp_path / "m.gguf")
    cells = plan(herd, "+sweep=seed-2026-02-14", f"model.path={model}", "quant=i1-IQ3_M")
    assert len(cells) == 5 * 4
    kv = {
        (cell["cache"], cell["context"]): sum(part["kv"] for part in cell["memory"])
        for cell in cells
    }
    per_token_kib = {"f16/f16": 24, "q8_0/q8_0": 12.75, "q8_0/q4_0": 9.75, "q4_0/q4_0": 6.75}
    assert len(kv) == 20
    for (cache, context), mib in kv.items():
        assert mib == pytest.approx(per_token_kib[cache] * context / 1024)
    assert {cell["host"] for cell in cells} == {"seed-box"}
    for cell in cells:
        needed = {part["device"]: part["needed"] for part in cell["memory"]}
        assert {part["free"] for part in cell["memory"]} == {12288.0, 24576.0}
        short = any(needed[device] > 12288 for device in ("CUDA0", "CUDA1"))
        assert short == ("may not fit, by an estimate" in cell["reason"])
