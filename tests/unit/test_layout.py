from datetime import datetime, timedelta, timezone

import pytest

from warehouse import layout
from warehouse.errors import WarehouseError
from warehouse.ledger import Attempt
from warehouse.rows import TABLES
from warehouse.schemas import schema_of


@pytest.mark.parametrize(
    "attempt",
    [
        Attempt("0af3", 1, "ok", None),
        Attempt("0af3", 12, "failed", "start_timeout"),
        Attempt("name-of_a-cell", 1, "cancelled", None),
    ],
)
def test_a_cells_file_name_is_read_back_whole(attempt: Attempt) -> None:
    assert layout.parse_cell_stem(layout.cell_stem(attempt)) == attempt


@pytest.mark.parametrize("stem", ["", "data", "a.b", "a.x.ok", "a.1.", "a.1.ok.b.c", ".1.ok"])
def test_other_names_are_no_attempts(stem: str) -> None:
    assert layout.parse_cell_stem(stem) is None


@pytest.mark.parametrize("identity", ["", "a.b", "../x", "a/b"])
def test_an_identity_cannot_leave_its_place(identity: str) -> None:
    with pytest.raises(WarehouseError, match="identity"):
        layout.child_stem(identity, 1)


def test_the_children_of_a_file_carry_its_key() -> None:
    day = "date=2026-03-01"
    assert layout.commit_key("cells", f"{day}/c1.2.failed.crash.parquet") == f"{day}/c1.2"
    assert layout.commit_key("trials", f"{day}/c1.2.parquet") == f"{day}/c1.2"
    assert layout.commit_key("launches", f"{day}/l1.done.parquet") == f"{day}/l1.done"
    assert layout.commit_key("memory", f"{day}/l1.done.parquet") == f"{day}/l1.done"
    assert layout.commit_key("launches", f"{day}/l1.parquet") is None
    assert layout.commit_key("cells", f"{day}/mine.parquet") is None


def test_every_table_has_keys() -> None:
    for table in TABLES:
        assert set(layout.KEYS[table.TABLE]) <= set(schema_of(table).names)


def test_the_folder_is_the_day_in_utc() -> None:
    late = datetime(2026, 3, 1, 23, 30, tzinfo=timezone(timedelta(hours=-5)))
    assert layout.folder("cells", late) == "cells/date=2026-03-02"
