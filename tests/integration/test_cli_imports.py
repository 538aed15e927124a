"""`herd import` as a user types it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from orchestrator.cli import main
from tests.imports import FIXTURES, table_answer
from tests.warehouse_samples import holder
from warehouse.store import writing

Herd = Callable[..., Result]
JSONL = str(FIXTURES / "llama-bench-11434-1.jsonl")


@pytest.fixture
def herd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Herd:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HERD_WAREHOUSE", str(tmp_path / "rows"))
    return lambda *words: CliRunner().invoke(main, list(words), prog_name="herd")


def test_a_file_and_again(herd: Herd, tmp_path: Path) -> None:
    first, again = (herd("import", JSONL, "--host", "box") for _ in range(2))
    assert first.output == f"{JSONL}: llama-bench jsonl, 1 cells with 18 trials added\n"
    assert again.output.startswith(f"{JSONL}: imported on 20")
    assert again.output.endswith(", nothing added\n")
    assert [each["host_id"] for each in table_answer(tmp_path / "rows", "from hosts")] == ["box"]
    (cell,) = table_answer(tmp_path / "rows", "select model, quant from cells")
    assert cell == {"model": "smollm2-135m", "quant": "Q4_1"}  # by the catalogue


def test_the_records_that_come_with_herd(herd: Herd) -> None:
    result = herd("import", "--records")
    assert result.exit_code == 0
    assert "hand-written record csv, 35 cells with 30 trials added" in result.output
    assert "66 figures carry a note" in result.output


def test_one_bad_file_among_good_ones_imports_nothing(herd: Herd, tmp_path: Path) -> None:
    (tmp_path / "bad").write_text("hello")
    result = herd("import", JSONL, "bad")
    (line,) = result.output.splitlines()
    assert line.startswith("herd: bad: it begins with 'hello': not csv, json")
    assert not (tmp_path / "rows").exists()


def test_no_file_is_a_wrong_command(herd: Herd) -> None:
    result = herd("import")
    assert (result.exit_code, "or --records" in result.output) == (2, True)


def test_a_sweep_that_holds_the_warehouse_is_told(herd: Herd, tmp_path: Path) -> None:
    with writing(tmp_path / "rows", holder("nightly"), wait=False, on_wait=print):
        result = herd("import", JSONL)
    (line,) = result.output.splitlines()
    assert "is held by nightly (pid 4321 on alpha" in line
    assert line.endswith("wait with --wait")
