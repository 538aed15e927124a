"""The view latest_cells, which all others stand on, against plain Python."""

from pathlib import Path

import pytest

from tests.unit.conftest import Ask
from tests.warehouse_samples import at, cell, trial
from warehouse.compaction import compact
from warehouse.storage import storage_at
from warehouse.store import Warehouse

STATUSES = {
    "once": ["ok"],
    "again": ["ok", "ok", "ok"],
    "then failed": ["ok", "ok", "failed"],
    "failed first": ["failed", "ok"],
    "failed between": ["ok", "failed", "ok", "cancelled"],
    "never": ["failed", "failed"],
}


@pytest.mark.parametrize("compacted", [False, True])
def test_the_latest_ok_attempt_of_each_cell(
    store: Warehouse, ask: Ask, tmp_path: Path, compacted: bool
) -> None:
    expected = {}
    for name, statuses in STATUSES.items():
        cell_id = name.replace(" ", "-")
        for attempt, status in enumerate(statuses, 1):
            store.commit_cell(cell(cell_id, attempt, status=status), [trial(cell_id, attempt)])
            if status == "ok":
                expected[cell_id] = attempt
    if compacted:
        compact(storage_at(tmp_path), lambda: at(86_400))
    found = ask("SELECT cell_id, attempt FROM latest_cells")
    assert len(found) == len(expected)
    assert {each["cell_id"]: each["attempt"] for each in found} == expected
    assert len(ask("SELECT * FROM speed")) == len(expected)
