"""Importing into a warehouse: nothing twice, whatever was killed when; views show it."""

import contextlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.imports import FIXTURES, answer, import_files, table_answer
from tests.warehouse_samples import cell, holder, launch, trial, warehouse
from warehouse import rows
from warehouse.errors import HeldError, WarehouseError
from warehouse.folder import FolderStorage
from warehouse.store import create, writing

JSONL = FIXTURES / "llama-bench-11434-1.jsonl"
SQL = FIXTURES / "llama-bench-11434-1.sql"
DEPTHS = FIXTURES / "h100x2-llama-bench-8-depths.jsonl"

_COUNTS = " union all ".join(
    f"select '{table.TABLE}' as name, count(*) as rows from {table.TABLE}" for table in rows.TABLES
)
"""How many rows every table has."""


def counts(place: Path) -> dict[str, int]:
    return {each["name"]: each["rows"] for each in table_answer(place, _COUNTS)}


def test_the_same_file_twice_adds_nothing(tmp_path: Path) -> None:
    (first,) = import_files(tmp_path / "w", JSONL)
    before = counts(tmp_path / "w")
    (again,) = import_files(tmp_path / "w", JSONL)
    assert (first.row.cells, first.row.trials, first.before) == (1, 18, None)
    assert (again.row.cells, again.row.trials, again.known) == (0, 0, 1)
    assert again.before == first.row.imported_at
    assert counts(tmp_path / "w") == before
    assert before["trials"] == 18


def test_another_name_or_form_of_the_same_run_adds_nothing(tmp_path: Path) -> None:
    copy = tmp_path / "copy.txt"
    copy.write_bytes(JSONL.read_bytes())
    import_files(tmp_path / "w", JSONL)
    same, other = import_files(tmp_path / "w", copy, SQL)
    assert (same.row.cells, other.row.cells, other.known) == (0, 0, 1)
    assert counts(tmp_path / "w")["trials"] == 18


def test_a_run_that_grew_since_is_told_and_not_doubled(tmp_path: Path) -> None:
    part = tmp_path / "part.jsonl"
    part.write_text("".join(JSONL.read_text().splitlines(keepends=True)[:2]))
    import_files(tmp_path / "w", part)
    (whole,) = import_files(tmp_path / "w", JSONL)
    assert whole.row.cells == 0
    assert any("with fewer trials" in note for note in whole.notes)
    assert counts(tmp_path / "w")["trials"] == 6


def test_a_later_run_of_the_same_configuration_is_another_attempt(tmp_path: Path) -> None:
    later = tmp_path / "later.jsonl"
    lines = [json.loads(line) for line in JSONL.read_text().splitlines()]
    later.write_text(
        "\n".join(json.dumps({**line, "test_time": "2026-12-01T00:00:00Z"}) for line in lines)
    )
    import_files(tmp_path / "w", JSONL, later)
    found = answer(tmp_path / "w", "select cell_id, attempt from cells order by attempt")
    assert [each["attempt"] for each in found] == [1, 2]
    assert len({each["cell_id"] for each in found}) == 1
    assert len(answer(tmp_path / "w", "select 1 from launch_speeds where step = 'pp16'")) == 4


def test_stopped_at_any_write_the_same_command_completes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "two.jsonl"  # two runs of one configuration
    path.write_text(JSONL.read_text() + JSONL.read_text().replace("2026-11-24", "2026-11-25"))
    import_files(tmp_path / "whole", path)
    wanted = counts(tmp_path / "whole")
    write, left = FolderStorage.write, [0]

    def stopping(storage: FolderStorage, name: str, content: bytes | memoryview) -> None:
        if left[0] == 0:
            raise WarehouseError("stopped")
        left[0] -= 1
        write(storage, name, content)

    for writes in range(20):
        root = tmp_path / f"w{writes}"
        create(root)
        with monkeypatch.context() as patched, contextlib.suppress(WarehouseError):
            left[0] = writes
            patched.setattr(FolderStorage, "write", stopping)
            import_files(root, path)
            break  # nothing was left to stop at
        import_files(root, path)
        assert counts(root) == wanted, writes
    assert writes == 9  # launch, trials and cell of each run; host, model, import


def test_it_is_a_writer_as_others(tmp_path: Path) -> None:
    with (
        writing(tmp_path, holder(), wait=False, on_wait=print),
        pytest.raises(HeldError, match="demo"),
    ):
        import_files(tmp_path, JSONL)


def test_views_show_it_beside_what_was_measured(tmp_path: Path) -> None:
    store = warehouse(tmp_path)
    store.write_launch(launch(), [])
    store.commit_cell(cell("c1", workload="depth_curve"), [trial("c1")], [])
    del store
    import_files(tmp_path, DEPTHS)
    found = answer(tmp_path, "select source, depth, tg_tok_s, pp_tok_s from degradation")
    lines = [json.loads(line) for line in DEPTHS.read_text().splitlines()]
    assert {each["source"]: _middles(found, each["source"]) for each in found} == {
        "measured": {0: (38.75, None)},
        "llama-bench": {
            depth: (_middle(lines, depth, "n_gen"), _middle(lines, depth, "n_prompt"))
            for depth in {line["n_depth"] for line in lines}
        },
    }
    (row,) = answer(tmp_path, "select * from imports")
    assert (row["source"], row["form"], row["trials"]) == ("llama-bench", "jsonl", 48)
    assert row["file_name"] == DEPTHS.name


def _middles(found: Iterable[dict[str, Any]], source: str) -> dict[int, tuple[Any, Any]]:
    return {
        each["depth"]: (
            each["tg_tok_s"] and pytest.approx(each["tg_tok_s"]),
            each["pp_tok_s"] and pytest.approx(each["pp_tok_s"]),
        )
        for each in found
        if each["source"] == source
    }


def _middle(lines: Iterable[dict[str, Any]], depth: int, kind: str) -> Any:
    (samples,) = [x["samples_ns"] for x in lines if x["n_depth"] == depth and x[kind]]
    (tokens,) = [x[kind] for x in lines if x["n_depth"] == depth and x[kind]]
    return tokens / sorted(samples)[1] * 1e9  # of three


def test_forecasts_learn_from_measured_cells_only(tmp_path: Path) -> None:
    from orchestrator.history import read_history
    from warehouse.connection import connect

    import_files(tmp_path, JSONL)
    with connect(tmp_path) as connection:
        assert read_history(connection) == ()
