"""What does not belong into the tree, or is odd in it: the rest answers."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.warehouse_samples import at, cell, launch, memory, sweep, trial, warehouse
from warehouse.connection import Connection, connect
from warehouse.errors import WarehouseError
from warehouse.store import Warehouse

DAY = "date=2026-03-01"
ODD = "\"quoted\" 'twice' \\ back; -- dash\n\tline ü 漢字 🦙 \u202e mojibake Ã¤ %s {} </b>"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "herd-data"
    store = warehouse(root)
    for name in ("c1", "c2"):
        store.commit_cell(cell(name), [trial(name, repetition=each) for each in range(9)])
    return root


@pytest.fixture
def connection(root: Path) -> Iterator[Connection]:
    with connect(root) as opened:
        yield opened


def cells_of(connection: Connection, table: str) -> list[str]:
    answer = connection.query(f"SELECT DISTINCT cell_id FROM {table} ORDER BY 1")
    return [str(each) for each in answer["cell_id"].to_pylist()]


def truncated(content: bytes) -> bytes:
    return content[:-100]


def changed_inside(content: bytes) -> bytes:
    """Pages that Arrow would decode, had they no checksum."""
    return content[:40] + bytes(200) + content[240:]


@pytest.mark.parametrize("damage", [truncated, changed_inside, lambda _: b"", lambda _: b"text\n"])
def test_a_damaged_file_is_left_out_and_named(
    root: Path, connection: Connection, damage: Callable[[bytes], bytes]
) -> None:
    path = root / f"trials/{DAY}/c1.1.parquet"
    path.write_bytes(damage(path.read_bytes()))
    assert connection.query("SELECT * FROM trials").num_rows == 9
    (left,) = connection.left_out
    assert left.path == f"trials/{DAY}/c1.1.parquet"
    assert left.why
    assert "\n" not in left.why
    assert cells_of(connection, "cells") == ["c1", "c2"]


def test_a_damaged_cell_is_not_committed(root: Path, connection: Connection) -> None:
    path = root / f"cells/{DAY}/c1.1.ok.parquet"
    path.write_bytes(truncated(path.read_bytes()))
    assert cells_of(connection, "trials") == ["c2"]
    assert cells_of(connection, "speed") == ["c2"]


@pytest.mark.parametrize("name", ["c3.1.ok.parquet", "mine.parquet"])
def test_a_foreign_file_is_left_out(root: Path, connection: Connection, name: str) -> None:
    pq.write_table(pa.table({"a": [1]}), root / f"cells/{DAY}/{name}")
    assert cells_of(connection, "cells") == ["c1", "c2"]
    assert [each.path for each in connection.left_out] == [f"cells/{DAY}/{name}"]


def test_a_file_whose_columns_have_other_types_is_left_out(
    root: Path, connection: Connection
) -> None:
    path = root / f"trials/{DAY}/c1.1.parquet"
    table = pq.read_table(path, partitioning=None)
    number = table.schema.get_field_index("tg_tok_s")
    pq.write_table(table.set_column(number, "tg_tok_s", pa.array(["fast"] * 9)), path)
    assert cells_of(connection, "trials") == ["c2"]
    assert connection.left_out[0].why == "no file of trials: tg_tok_s is string, not double"


def test_what_is_repaired_is_seen_by_the_next_connection(
    root: Path, connection: Connection
) -> None:
    path = root / f"trials/{DAY}/c1.1.parquet"
    content = path.read_bytes()
    path.write_bytes(truncated(content))
    assert cells_of(connection, "trials") == ["c2"]
    path.write_bytes(content)
    with connect(root) as later:
        assert cells_of(later, "trials") == ["c1", "c2"]
        assert later.left_out == ()


def test_a_second_file_of_an_attempt_counts_nothing_twice(
    root: Path, connection: Connection
) -> None:
    content = (root / f"cells/{DAY}/c1.1.ok.parquet").read_bytes()
    (root / f"cells/{DAY}/c1.1.cancelled.parquet").write_bytes(content)
    other = root / "cells/date=2026-03-05/c2.1.ok.parquet"
    other.parent.mkdir()
    other.write_bytes(content)
    assert connection.query("SELECT * FROM cells").num_rows == 2
    assert len(connection.left_out) == 2


def test_a_clock_that_runs_backwards_changes_no_row(root: Path) -> None:
    store = Warehouse(root)
    early = cell("c1", 2, started_at=at(-90_000), ended_at=at(-90_100))
    store.commit_cell(early, [trial("c1", 2, started_at=at(-90_000), ended_at=at(-90_050))])
    with connect(root) as connection:
        assert connection.query(
            "SELECT attempt FROM latest_cells WHERE cell_id = 'c1'"
        ).to_pylist() == [{"attempt": 2}]
        for view in connection.list_views():
            connection.query(f"SELECT * FROM {view.name}")


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_null(root: Path, number: float) -> None:
    Warehouse(root).commit_cell(cell("c3"), [trial("c3", tg_tok_s=number), trial("c3")])
    with connect(root) as connection:
        found = connection.query("SELECT tg_tok_s FROM trials WHERE cell_id = 'c3'")
        speed = connection.query("SELECT tg_tok_s FROM speed WHERE cell_id = 'c3'")
    assert found["tg_tok_s"].to_pylist() == [None, 38.75]
    assert speed["tg_tok_s"].to_pylist() == [38.75]


def test_what_is_no_number_has_no_place_where_one_is_needed(root: Path) -> None:
    with pytest.raises(WarehouseError, match=r"memory\.mib: row 1 has no value"):
        Warehouse(root).write_launch(launch(), [memory("l1", "CPU", "kv", math.nan, "log")])


def test_any_text_comes_back_as_it_was(root: Path) -> None:
    store = Warehouse(root)
    store.write_sweep(sweep(name=ODD, command=ODD), [], [], [], [])
    store.write_launch(launch(command_line=(ODD, ""), log_tail=ODD * 100_000), [])
    axes: dict[str, Any] = dict.fromkeys(
        ("model", "quant", "pairing", "engine", "host_id", "reason"), ODD
    )
    store.commit_cell(
        cell("c3", status="failed", failure_class="crash", **axes),
        [trial("c3", step=ODD, invalid_reason=ODD)],
    )
    store.compact()
    with connect(root) as connection:
        (launched,) = connection.query("SELECT * FROM launches").to_pylist()
        (measured,) = connection.query("SELECT * FROM cells WHERE cell_id = 'c3'").to_pylist()
        quoted = ODD.replace("'", "''")
        same = connection.query(f"SELECT reason FROM failures WHERE model = '{quoted}'").to_pylist()
    assert len(launched["log_tail"].encode()) > 5_000_000
    assert launched["log_tail"] == ODD * 100_000
    assert launched["command_line"] == [ODD, ""]
    assert {name: measured[name] for name in axes} == axes
    assert same == [{"reason": ODD}]


def test_text_that_is_no_text_is_said(root: Path) -> None:
    with pytest.raises(WarehouseError, match=r"cells\.reason"):
        Warehouse(root).commit_cell(cell("c3", reason="\ud800"))
