from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.warehouse_samples import (
    at,
    cell,
    host,
    launch,
    memory,
    planned,
    sweep,
    telemetry,
    trial,
    warehouse,
)
from warehouse import compaction, loading, merging
from warehouse.compaction import compact, thinned
from warehouse.connection import connect
from warehouse.datasets import Datasets
from warehouse.errors import WarehouseError
from warehouse.folder import FolderStorage
from warehouse.jobs import Thinning, make_job
from warehouse.layout import READABLE, SUFFIX
from warehouse.retention import removals, remove
from warehouse.schemas import table_of
from warehouse.snapshot import TABLES, Snapshots
from warehouse.storage import storage_at
from warehouse.store import Warehouse, read_ledger
from warehouse.views import View

DAY = "date=2026-03-01"
NOW = datetime(2026, 3, 2, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


def clock() -> datetime:
    return NOW


def fill(store: Warehouse, *names: str, trials: int = 3) -> None:
    for name in names:
        store.write_launch(
            launch(f"l{name}", ended_at=None), [memory(f"l{name}", "CPU", "kv", 1.0, "log")]
        )
        store.commit_cell(
            cell(name, launch_id=f"l{name}"),
            [trial(name, repetition=each) for each in range(trials)],
            [telemetry(name, sampled_at=at(each)) for each in range(40)],
        )
        store.write_launch(launch(f"l{name}"), [memory(f"l{name}", "CPU", "kv", 2.0, "log")])


def contents(root: Path) -> dict[str, list[str]]:
    """All rows of all tables."""
    found = Datasets(storage_at(root)).refresh(TABLES)
    return {name: sorted(map(repr, each.to_table().to_pylist())) for name, each in found.items()}


def files(root: Path) -> int:
    return len(list(root.rglob("*.parquet")))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "herd-data"
    store = warehouse(root)
    store.write_sweep(sweep("w1"), [], [], [host()], [])
    store.write_sweep(sweep("w2"), [], [], [host(host_id="beta"), host()], [])
    fill(store, "c1", "c2", "c3")
    return root


def test_a_day_becomes_one_file_a_table_with_the_same_rows(root: Path) -> None:
    before = contents(root)
    done = compact(storage_at(root), clock)
    assert contents(root) == before
    storage = storage_at(root)
    assert remove(storage, removals(Snapshots(storage).state(), LATER)) == done.files + 6
    assert files(root) == sum(bool(rows) for rows in before.values())
    assert contents(root) == before
    assert [
        each.cell_id for name in ("c1", "c2", "c3") for each in read_ledger(root).attempts(name)
    ]


def test_an_attempt_that_was_compacted_is_not_committed_again(root: Path) -> None:
    compact(storage_at(root), clock)
    remove(storage_at(root), removals(Snapshots(storage_at(root)).state(), LATER))
    with pytest.raises(WarehouseError, match="attempt 1 at cell c1 is written already"):
        Warehouse(root).commit_cell(cell("c1"), [])


def test_what_comes_later_is_merged_in_by_the_next_compaction(root: Path) -> None:
    compact(storage_at(root), clock)
    fill(Warehouse(root), "c0", "c9")
    before = contents(root)
    compact(storage_at(root), clock)
    assert contents(root) == before
    (one,) = Snapshots(storage_at(root)).state().manifests
    assert one.rows["cells"] == 5
    compacted = pq.read_table(root / "trials" / one.file, partitioning=None)
    ids = [str(each) for each in compacted["cell_id"].to_pylist()]
    assert ids == sorted(ids)


def test_there_is_nothing_to_do_twice(root: Path) -> None:
    assert compact(storage_at(root), clock).manifests
    assert compact(storage_at(root), clock).manifests == ()


def test_generations_of_an_open_day_stand_beside_each_other_until_they_are_many(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("warehouse.jobs.GENERATIONS", 2)
    storage = storage_at(root)
    counts = []
    for number in range(3):
        fill(Warehouse(root), f"d{number}", f"e{number}")
        before = contents(root)
        compact(storage, clock, open_day=DAY)
        assert contents(root) == before
        counts.append(len(Snapshots(storage).state().manifests))
    assert counts == [1, 2, 1]


def test_a_launch_that_has_not_ended_stays_a_file_of_its_own(root: Path) -> None:
    store = Warehouse(root)
    store.write_launch(launch("open", ended_at=None), [memory("open", "CPU", "kv", 1.0, "log")])
    compact(storage_at(root), clock)
    store.write_launch(launch("open"), [memory("open", "CPU", "kv", 7.0, "log")])
    with connect(root) as connection:
        answer = connection.query(
            "SELECT ended_at, mib FROM launches JOIN memory USING (launch_id) "
            "WHERE launch_id = 'open'"
        )
    assert answer.to_pylist() == [{"ended_at": at(60), "mib": 7.0}]


def test_a_reader_that_listed_the_files_before_they_went_asks_again(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "SMALL_BYTES", 0)  # all are scanned, none is read beforehand
    storage = storage_at(root)
    with connect(root) as connection:
        refresh = connection._datasets.refresh
        asked: list[set[str]] = []

        def late(tables: set[str], kept: list[View]) -> object:
            found = refresh(tables, kept)
            if not asked:
                compact(storage, clock)
                remove(storage, removals(Snapshots(storage).state(), LATER))
            asked.append(tables)
            return found

        monkeypatch.setattr(connection._datasets, "refresh", late)
        answer = connection.query("SELECT count(*) AS n FROM trials").to_pylist()
    assert answer == [{"n": 9}]
    assert len(asked) == 2


def test_a_file_that_was_published_wrong_is_found_before_it_counts(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(root)
    count = merging.count_keys

    def one_lost(storage: object, table: str, path: str) -> object:
        found = count(storage, table, path)  # type: ignore[arg-type] # passed on
        if table == "trials":
            found["c2", "1"] -= 1
        return found

    monkeypatch.setattr(compaction, "count_keys", one_lost)
    with pytest.raises(WarehouseError, match="is not what was written"):
        compact(storage_at(root), clock)
    assert contents(root) == before
    monkeypatch.undo()
    state = Snapshots(storage_at(root)).state()
    assert {each.why for each in removals(state, NOW)} == {"left by a compaction that was killed"}
    compact(storage_at(root), clock)
    assert contents(root) == before


def test_a_damaged_file_keeps_its_group_out_and_nothing_else(root: Path) -> None:
    path = root / f"trials/{DAY}/c2.1.parquet"
    path.write_bytes(path.read_bytes()[:-300])
    before = contents(root)
    done = compact(storage_at(root), clock)
    assert [each[0] for each in done.skipped] == [f"trials/{DAY}/c2.1.parquet"]
    assert contents(root) == before
    (manifest,) = done.manifests
    assert manifest.attempts == {"c1.1", "c3.1"}


def test_a_file_with_rows_of_another_cell_is_not_merged(root: Path) -> None:
    path = root / f"trials/{DAY}/c2.1.parquet"
    path.write_bytes((root / f"trials/{DAY}/c1.1.parquet").read_bytes())
    assert compact(storage_at(root), clock).skipped == (
        (f"trials/{DAY}/c2.1.parquet", "it holds rows of c1.1"),
    )


def test_columns_of_a_newer_herd_are_not_lost(root: Path) -> None:
    path = root / f"trials/{DAY}/c2.1.parquet"
    table = pq.read_table(path, partitioning=None)
    pq.write_table(table.append_column("novel", pa.array([1, 2, 3])), path)
    before = contents(root)
    (skipped,) = compact(storage_at(root), clock).skipped
    assert skipped[1] == "a newer herd wrote it: novel"
    assert contents(root) == before
    assert path.exists()


def test_a_column_that_older_files_lack_is_null_after_compaction_too(root: Path) -> None:
    path = root / f"cells/{DAY}/c2.1.ok.parquet"
    table = pq.read_table(path, partitioning=None)
    pq.write_table(table.drop_columns(["source", "cooled"]), path)
    before = contents(root)
    assert compact(storage_at(root), clock).skipped == ()
    assert contents(root) == before


def test_an_older_herd_is_kept_away_once_there_are_generations(root: Path) -> None:
    (root / "herd-warehouse.json").write_text('{"layout": 1}')
    assert 1 in READABLE
    before = contents(root)
    compact(storage_at(root), clock)
    assert (root / "herd-warehouse.json").read_text() == '{"layout": 2}'
    assert contents(root) == before


def test_a_damaged_manifest_is_named_and_nothing_of_it_is_removed(root: Path) -> None:
    (manifest,) = compact(storage_at(root), clock).manifests
    before = contents(root)
    (root / manifest.path).write_bytes(b"{")
    with connect(root) as connection:
        counted = connection.query("SELECT count(*) AS n FROM trials").to_pylist()
    assert counted == [{"n": 9}]
    assert contents(root) == before
    assert removals(Snapshots(storage_at(root)).state(), LATER) == []


def test_superseded_files_stay_for_a_while(root: Path) -> None:
    compact(storage_at(root), clock)
    state = Snapshots(storage_at(root)).state()
    assert removals(state, NOW + timedelta(seconds=599)) == []
    assert removals(state, NOW - timedelta(days=1)) == []  # a clock that went backwards
    assert removals(state, NOW + timedelta(seconds=600))


def test_nothing_is_removed_whose_generation_is_not_whole(root: Path) -> None:
    (manifest,) = compact(storage_at(root), clock).manifests
    (root / "trials" / manifest.file).unlink()
    assert removals(Snapshots(storage_at(root)).state(), LATER) == []


def test_children_of_a_killed_writer_are_removed(root: Path) -> None:
    left = root / f"trials/{DAY}/c7.1.parquet"
    left.write_bytes((root / f"trials/{DAY}/c1.1.parquet").read_bytes())
    state = Snapshots(storage_at(root)).state()
    assert [each.path for each in removals(state, NOW)] == [f"trials/{DAY}/c7.1.parquet"]


def test_a_writer_compacts_by_itself_past_its_threshold(tmp_path: Path) -> None:
    warehouse(tmp_path)
    store = Warehouse(tmp_path, compact_files=30)
    fill(store, *(f"c{number:02d}" for number in range(12)))
    found = Snapshots(storage_at(tmp_path)).take()
    assert sum(len(found.small(table)) for table in TABLES) <= 30
    with connect(tmp_path) as connection:
        counted = connection.query("SELECT count(*) AS n FROM trials").to_pylist()
    assert counted == [{"n": 36}]


def test_telemetry_keeps_one_sample_of_a_device_in_each_interval() -> None:
    rows = [
        telemetry("c1", device=device, sampled_at=at(second / 2), cpu_pct=float(second))
        for second in range(50)
        for device in ("host", "CUDA0")
    ]
    kept = thinned(table_of(type(rows[0]), rows), 10.0).to_pylist()
    assert [(each["device"], each["cpu_pct"]) for each in kept] == [
        (device, float(second)) for second in (0, 20, 40) for device in ("host", "CUDA0")
    ]


def test_old_telemetry_is_thinned_once_and_trials_never(root: Path) -> None:
    thinning = Thinning("date=2026-04-01", 10.0)
    before = contents(root)
    for written in (1, 0):
        done = compact(storage_at(root), clock, thinning=thinning)
        assert len(done.manifests) == written
    after = contents(root)
    assert len(before["telemetry"]) == 3 * 40
    assert len(after["telemetry"]) == 3 * 4
    assert {t: rows for t, rows in after.items() if t != "telemetry"} == {
        t: rows for t, rows in before.items() if t != "telemetry"
    }
    state = Snapshots(storage_at(root)).state()
    assert not make_job(DAY, state, thinning=Thinning(DAY, 10.0)).thin
    assert make_job(DAY, state, thinning=Thinning("date=2026-04-01", 60.0)).thin


def test_a_compaction_keeps_the_mark_of_thinned_telemetry(root: Path) -> None:
    thinning = Thinning("date=2026-04-01", 10.0)
    compact(storage_at(root), clock, thinning=thinning)
    store = Warehouse(root)
    store.commit_cell(cell("c8"), [trial("c8")])
    (manifest,) = compact(storage_at(root), clock).manifests
    assert manifest.telemetry_interval_s == 10.0
    store.commit_cell(cell("c9"), [trial("c9")], [telemetry("c9")])
    (manifest,) = compact(storage_at(root), clock).manifests
    assert manifest.telemetry_interval_s is None


def _planned_cells(root: Path) -> list[str]:
    with connect(root) as connection:
        rows = connection.query("select cell_id from planned_cells where sweep_id = 'w3'")
    return sorted(map(str, rows.column("cell_id").to_pylist()))


def test_what_a_plan_gets_later_counts_however_its_sweep_lies(root: Path) -> None:
    """Hosts join before and after the sweep's own file became part of a generation."""
    storage, store = storage_at(root), warehouse(root)
    row = sweep("w3")

    def join(number: int) -> None:
        store.add_to_sweep(row, number, [planned(f"j{number}", sweep_id="w3")], [], [host()], [])

    join(1)
    assert _planned_cells(root) == []  # not before its sweep
    store.write_sweep(row, [planned("j0", sweep_id="w3")], [], [], [])
    assert _planned_cells(root) == ["j0", "j1"]
    compact(storage, clock, open_day=DAY)
    join(2)
    assert _planned_cells(root) == ["j0", "j1", "j2"]
    fill(store, "c4")
    compact(storage, clock, open_day=DAY)  # a generation beside the first: the sweep is in that
    remove(storage, removals(Snapshots(storage).state(), LATER))
    assert _planned_cells(root) == ["j0", "j1", "j2"]
    join(3)
    compact(storage, clock)
    assert _planned_cells(root) == ["j0", "j1", "j2", "j3"]
    remove(storage, removals(Snapshots(storage).state(), LATER))
    assert _planned_cells(root) == ["j0", "j1", "j2", "j3"]
    assert list(root.glob("planned_cells/*/w3*")) == []


class CompactedMeanwhile(FolderStorage):
    """Between parents and children a day is compacted, and what it covers removed."""

    def list_tables(self, tables: Iterable[str], suffix: str = SUFFIX) -> dict[str, list[str]]:
        names = list(tables)
        storage = FolderStorage(self.root)
        if "trials" in names and not storage.list_tables(["manifests"], ".json")["manifests"]:
            compact(storage, clock)
            remove(storage, removals(Snapshots(storage).state(), LATER))
        return super().list_tables(names, suffix)


def test_a_compaction_amid_a_listing_hides_nothing(root: Path) -> None:
    found = Snapshots(CompactedMeanwhile(root)).take()
    assert [len(found.files[table]) for table in ("cells", "trials")] == [1, 1]
