"""Warehouses that older herds wrote: kept as they were, and read by this one.

`schema-1-first` is of the first herd that wrote any; `tests/warehouse_fixture.py` wrote the others.
"""

import tarfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.warehouse_samples import START
from warehouse.compaction import compact
from warehouse.connection import connect
from warehouse.ledger import Attempt
from warehouse.rows import SCHEMA_VERSION
from warehouse.storage import storage_at
from warehouse.store import read_ledger

ARCHIVES = sorted((Path(__file__).parents[1] / "fixtures" / "warehouse").glob("*.tar.xz"))


@pytest.fixture(params=ARCHIVES, ids=lambda path: path.name.partition(".")[0])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    with tarfile.open(request.param) as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path / "w"


def answers(root: Path) -> dict[str, list[str]]:
    """All rows of all tables and views."""
    with connect(root) as connection:
        found = {
            each.name: connection.query(f"SELECT * FROM {each.name}").to_pylist()
            for each in connection.list_views()
        }
        assert connection.left_out == ()
    return {name: sorted(map(repr, each)) for name, each in found.items()}


def test_every_table_and_view_answers_before_and_after_compaction(root: Path) -> None:
    before = answers(root)
    assert "'cell_id': 'c1'" in "".join(before["speed"])
    assert len(before["cells"]) == len(before["trials"]) == len(before["launches"]) >= 2
    assert read_ledger(root).attempts("c1") == (Attempt("c1", 1, "ok", None),)
    done = compact(storage_at(root), lambda: datetime.now(UTC))
    assert done.manifests
    assert done.skipped == ()
    assert answers(root) == before
    assert read_ledger(root).attempts("c1") == (Attempt("c1", 1, "ok", None),)


def test_rows_say_which_version_wrote_them(root: Path) -> None:
    with connect(root) as connection:
        versions = connection.query("SELECT DISTINCT schema_version, started_at FROM trials")
    assert versions.to_pylist() == [{"schema_version": 1, "started_at": START}]


def test_each_version_has_its_archive() -> None:
    kept = {int(path.name.split("-")[1].partition(".")[0]) for path in ARCHIVES}
    assert kept == set(range(1, SCHEMA_VERSION + 1))
