from datetime import datetime, timedelta, timezone

import pytest

from warehouse import layout
from warehouse.errors import WarehouseError
from warehouse.ledger import Attempt


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


def test_the_folder_is_the_day_in_utc() -> None:
    late = datetime(2026, 3, 1, 23, 30, tzinfo=timezone(timedelta(hours=-5)))
    assert layout.folder("cells", late) == "cells/date=2026-03-02"


DAY = "date=2026-03-01"


def test_children_count_only_once_their_cell_is_there() -> None:
    files = {
        "cells": [f"{DAY}/c1.1.ok.parquet"],
        "trials": [f"{DAY}/c1.1.parquet", f"{DAY}/c1.2.parquet", f"{DAY}/c2.1.parquet"],
    }
    assert layout.visible(files)["trials"] == [f"{DAY}/c1.1.parquet"]


def test_what_a_killed_writer_left_on_another_day_is_not_committed_with_it() -> None:
    files = {
        "cells": ["date=2026-03-02/c1.1.ok.parquet"],
        "trials": [f"{DAY}/c1.1.parquet", "date=2026-03-02/c1.1.parquet"],
    }
    assert layout.visible(files)["trials"] == ["date=2026-03-02/c1.1.parquet"]


def test_the_whole_launch_supersedes_the_ready_one_with_its_memory() -> None:
    files = {
        "launches": [f"{DAY}/{name}.parquet" for name in ("l1.ready", "l1.done", "l2.ready")],
        "memory": [f"{DAY}/{name}.parquet" for name in ("l1.ready", "l1.done", "l2.ready")],
    }
    expected = [f"{DAY}/l1.done.parquet", f"{DAY}/l2.ready.parquet"]
    kept = layout.visible(files)
    assert kept["launches"] == expected
    assert kept["memory"] == expected


def test_a_foreign_file_is_named() -> None:
    with pytest.raises(WarehouseError, match=r"cells/date=2026-03-01/mine\.parquet"):
        layout.visible({"cells": [f"{DAY}/mine.parquet"]})
