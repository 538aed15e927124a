from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.warehouse_samples import cell, trial, warehouse
from warehouse import datasets, loading
from warehouse.connection import connect
from warehouse.loading import Loaded, load_file
from warehouse.schemas import readable_schema
from warehouse.storage import storage_at

DAY = "date=2026-03-01"
COUNT = "SELECT count(*) AS n FROM speed JOIN trials USING (cell_id, attempt)"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "herd-data"
    store = warehouse(root)
    for name in ("c1", "c2", "c3"):
        store.commit_cell(cell(name), [trial(name, repetition=each) for each in range(4)])
    return root


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Files in the order in which they are read."""
    found: list[str] = []
    load = loading.load_files

    def noted(storage: object, table: str, paths: list[str]) -> object:
        found.extend(f"{table}/{path}" for path in paths)
        return load(storage, table, paths)  # type: ignore[arg-type]

    monkeypatch.setattr(datasets, "load_files", noted)
    return found


def test_a_small_file_is_read_once(root: Path, read: list[str]) -> None:
    with connect(root) as connection:
        for _ in range(2):
            assert connection.query(COUNT).to_pylist() == [{"n": 12}]
        assert len(read) == len(set(read)) == 6
        warehouse(root).commit_cell(cell("c4"), [trial("c4")])
        assert connection.query(COUNT).to_pylist() == [{"n": 13}]
        assert sorted(read[6:]) == [f"cells/{DAY}/c4.1.ok.parquet", f"trials/{DAY}/c4.1.parquet"]


@pytest.mark.parametrize("limit", ["SMALL_BYTES", "KEPT_BYTES"])
def test_what_is_not_kept_is_scanned(
    root: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    with connect(root) as connection:
        assert connection.query("SELECT count(*) AS n FROM cells").to_pylist() == [{"n": 3}]
        monkeypatch.setattr(loading, limit, 0)
        warehouse(root).commit_cell(cell("c4"), [trial("c4", repetition=each) for each in range(4)])
        assert connection.query("SELECT count(*) AS n FROM cells").to_pylist() == [{"n": 4}]
        for _ in range(2):  # some rows from memory, some from a file
            assert connection.query(COUNT).to_pylist() == [{"n": 16}]
        assert connection._datasets._open.keys() >= {("cells", f"{DAY}/c4.1.ok.parquet")}


def test_a_file_is_its_rows_or_a_reason_or_large(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage, path = storage_at(root), f"{DAY}/c1.1.parquet"
    opened = load_file(storage, "trials", path)
    assert opened.rows is not None
    assert (opened.rows.num_rows, opened.wrong) == (4, "")
    foreign = root / "hosts" / DAY / "w1.parquet"
    foreign.parent.mkdir(parents=True)
    foreign.write_bytes((root / "trials" / path).read_bytes())
    wrong = load_file(storage, "hosts", f"{DAY}/w1.parquet").wrong
    assert wrong == "no file of hosts: it has no column host_id"
    monkeypatch.setattr(loading, "SMALL_BYTES", 100)
    assert load_file(storage, "trials", path) == loading.Opened()
    (root / "trials" / path).write_bytes(b"text")
    assert load_file(storage, "trials", path).wrong


def test_what_was_read_is_forgotten_when_its_files_go(root: Path, read: list[str]) -> None:
    with connect(root) as connection:
        connection.query("SELECT * FROM trials")
        (root / f"cells/{DAY}/c2.1.ok.parquet").unlink()
        found = connection.query("SELECT DISTINCT cell_id FROM trials ORDER BY 1")
        assert found["cell_id"].to_pylist() == ["c1", "c3"]
        assert connection._datasets._loaded["trials"].paths == {
            f"{DAY}/{each}.1.parquet" for each in ("c1", "c3")
        }


def test_what_an_older_file_lacks_is_null_and_what_a_newer_one_adds_is_not_there(
    root: Path,
) -> None:
    older, newer = (root / "trials" / DAY / f"{each}.1.parquet" for each in ("c1", "c2"))
    rows = pq.read_table(older, partitioning=None)
    pq.write_table(rows.drop_columns(["source"]), older)
    rows = pq.read_table(newer, partitioning=None)
    pq.write_table(rows.append_column("later", pa.array(range(4))), newer)
    with connect(root) as connection:
        found = connection.query("SELECT DISTINCT cell_id, source FROM trials ORDER BY 1")
        assert found["source"].to_pylist() == [None, "measured", "measured"]
        assert "later" not in connection.query("SELECT * FROM trials").column_names


def test_short_rows_are_written_as_they_are(root: Path) -> None:
    warehouse(root).commit_cell(cell("c9"), [trial("c9", repetition=each) for each in range(999)])
    for name, packed in (("c1", "UNCOMPRESSED"), ("c9", "ZSTD")):
        footer = pq.read_metadata(root / "trials" / DAY / f"{name}.1.parquet")
        assert footer.row_group(0).column(0).compression == packed


def test_rows_are_added_to_what_is_kept(root: Path) -> None:
    loaded = Loaded(readable_schema("trials").empty_table())
    for name in ("c1", "c2"):
        path = f"{DAY}/{name}.1.parquet"
        loaded.add({path: load_file(storage_at(root), "trials", path)})
    assert loaded.rows["cell_id"].to_pylist() == ["c1"] * 4 + ["c2"] * 4
    assert loaded.rows["cell_id"].num_chunks == 1
