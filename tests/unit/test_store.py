from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.warehouse_samples import (
    at,
    cell,
    holder,
    host,
    launch,
    memory,
    planned,
    predicted,
    sweep,
    telemetry,
    trial,
    warehouse,
)
from warehouse.connection import connect
from warehouse.errors import HeldError, WarehouseError
from warehouse.ledger import Attempt
from warehouse.store import Warehouse, check, create, read_ledger, writing


def tree(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def test_a_sweep_lies_in_files_of_its_day(tmp_path: Path) -> None:
    store = warehouse(tmp_path)
    store.write_sweep(
        sweep(), [planned("c1")], [predicted("sc1", "Host", "kv", 10.0)], [host()], []
    )
    day = "date=2026-03-01/w1.parquet"
    assert tree(tmp_path) == {
        "herd-warehouse.json",
        f"sweeps/{day}",
        f"planned_cells/{day}",
        f"predicted_memory/{day}",
        f"hosts/{day}",
    }


def test_a_cell_lies_in_files_named_by_attempt_and_end(tmp_path: Path) -> None:
    store = warehouse(tmp_path)
    store.commit_cell(cell("c1"), [trial("c1")], [telemetry("c1")])
    store.commit_cell(cell("c1", 2, status="failed", failure_class="oom_load"), [], [])
    day = "date=2026-03-01"
    assert tree(tmp_path) == {
        "herd-warehouse.json",
        f"trials/{day}/c1.1.parquet",
        f"telemetry/{day}/c1.1.parquet",
        f"cells/{day}/c1.1.ok.parquet",
        f"cells/{day}/c1.2.failed.oom_load.parquet",
    }
    written = pq.read_table(tmp_path / f"trials/{day}/c1.1.parquet")
    assert written.to_pylist()[0]["tg_tok_s"] == 38.75
    codec = pq.ParquetFile(tmp_path / f"trials/{day}/c1.1.parquet").metadata.row_group(0).column(0)
    assert codec.compression == "UNCOMPRESSED", "short rows are written as they are"


def test_the_scan_reads_names_only(tmp_path: Path) -> None:
    folder = tmp_path / "cells" / "date=2026-03-01"
    folder.mkdir(parents=True)
    (folder / "c1.1.failed.start_timeout.parquet").write_bytes(b"not Parquet")
    (folder / "c1.2.ok.parquet.77.tmp").write_bytes(b"half")
    ledger = read_ledger(tmp_path)
    assert ledger.attempts("c1") == (Attempt("c1", 1, "failed", "start_timeout"),)


def test_a_folder_that_is_no_warehouse_yet_has_no_attempts(tmp_path: Path) -> None:
    assert read_ledger(tmp_path / "nothing").last("c1") is None


def test_an_attempt_is_committed_once(tmp_path: Path) -> None:
    warehouse(tmp_path).commit_cell(cell("c1"), [trial("c1")], [])
    again = Warehouse(tmp_path)
    with pytest.raises(WarehouseError, match="attempt 1 at cell c1 is written already"):
        again.commit_cell(cell("c1", status="failed", failure_class="crash"), [], [])


def test_children_that_a_killed_writer_left_are_not_committed_with_the_next(tmp_path: Path) -> None:
    left = tmp_path / "trials" / "date=2026-03-01" / "c1.1.parquet"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"from before")
    store = warehouse(tmp_path)
    store.commit_cell(cell("c1", status="cancelled"), [], [])
    assert not left.exists()


def test_leftover_temporary_files_go_when_the_next_writer_opens(tmp_path: Path) -> None:
    warehouse(tmp_path).commit_cell(cell("c1"), [], [])
    day = tmp_path / "cells" / "date=2026-03-01"
    (day / "c2.1.ok.parquet.77.tmp").write_bytes(b"half")
    Warehouse(tmp_path)
    assert {path.name for path in day.iterdir()} == {"c1.1.ok.parquet"}


def test_a_launch_is_kept_as_ready_and_then_whole(tmp_path: Path) -> None:
    store = warehouse(tmp_path)
    store.write_launch(launch(ended_at=None), [memory("l1", "CPU", "kv", 1.0, "log")])
    store.write_launch(launch(), [memory("l1", "CPU", "kv", 2.0, "log")])
    day = tmp_path / "launches" / "date=2026-03-01"
    assert {path.name for path in day.iterdir()} == {"l1.ready.parquet", "l1.done.parquet"}


def test_a_log_is_found_by_the_path_that_is_returned(tmp_path: Path) -> None:
    path = warehouse(tmp_path).write_log("l1", date(2026, 3, 1), b"gzip")
    assert path == "logs/date=2026-03-01/l1.log.gz"
    assert (tmp_path / path).read_bytes() == b"gzip"


def test_a_wrong_row_leaves_nothing_committed(tmp_path: Path) -> None:
    store = warehouse(tmp_path)
    with pytest.raises(WarehouseError, match=r"trials.step"):
        store.commit_cell(cell("c1"), [trial("c1", step=None)], [])
    assert tree(tmp_path) == {"herd-warehouse.json"}


def test_an_identity_cannot_leave_the_warehouse(tmp_path: Path) -> None:
    store = warehouse(tmp_path / "in")
    with pytest.raises(WarehouseError, match="identity"):
        store.commit_cell(cell("../../out"), [trial("../../out")], [])
    assert tree(tmp_path) == {"in/herd-warehouse.json"}


def test_the_day_is_that_of_the_start_for_all_files_of_a_cell(tmp_path: Path) -> None:
    store = warehouse(tmp_path)
    midnight = 12 * 3600
    late = cell("c1", started_at=at(midnight - 5), ended_at=at(midnight + 5))
    store.commit_cell(late, [trial("c1", started_at=at(midnight + 1))], [])
    assert {path.split("/")[1] for path in tree(tmp_path) if "/" in path} == {"date=2026-03-01"}


def test_a_newer_layout_is_refused(tmp_path: Path) -> None:
    (tmp_path / "herd-warehouse.json").write_text('{"layout": 99}')
    with pytest.raises(WarehouseError, match=r"layout 99.*update herd"):
        create(tmp_path)


@pytest.mark.parametrize("text", ["", "{}", "[]", "null"])
def test_a_damaged_marker_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "herd-warehouse.json").write_text(text)
    with pytest.raises(WarehouseError, match=r"herd-warehouse\.json is damaged"):
        check(tmp_path)


def test_a_missing_warehouse_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(WarehouseError, match=r"no warehouse at .*: run a sweep first"):
        check(tmp_path)


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("mine")
    with pytest.raises(WarehouseError, match=f"{path} is no folder"):
        create(path)
    with pytest.raises(WarehouseError, match="is no folder"):
        create(path / "below")
    assert path.read_text() == "mine"


def test_the_writer_is_one(tmp_path: Path) -> None:
    def told(other: object) -> None:
        raise AssertionError(other)

    with writing(tmp_path / "w", holder("first"), wait=False, on_wait=told) as store:
        store.commit_cell(cell("c1"), [], [])
        with (
            pytest.raises(HeldError, match=r"first .pid 4321 on alpha"),
            writing(tmp_path / "w", holder("second"), wait=False, on_wait=told),
        ):
            pass
    with writing(tmp_path / "w", holder("third"), wait=False, on_wait=told) as store:
        assert isinstance(store, Warehouse)
    assert read_ledger(tmp_path / "w").latest_ok("c1") == Attempt("c1", 1, "ok", None)


def test_a_launch_without_an_end_is_lost_to_the_next_writer(tmp_path: Path) -> None:
    store = warehouse(tmp_path)
    parts = [memory("l1", "CUDA0", "model", 980.0, "log"), memory("l1", "Host", "kv", 5.0, "log")]
    store.write_launch(launch("l1", ended_at=None, devices=("CUDA0",)), parts)
    store.write_launch(launch("l2", ended_at=None, load_ms=1.0), [])
    store.write_launch(launch("l3", ended_at=None), [])
    store.write_launch(launch("l3"), [])
    later = Warehouse(tmp_path)
    assert later.close_lost_launches("its driver was gone") == 2
    assert later.close_lost_launches("its driver was gone") == 0
    with connect(tmp_path) as connection:
        found = connection.query("SELECT * FROM launches ORDER BY launch_id").to_pylist()
        kept = connection.query("SELECT device, mib FROM memory ORDER BY device").to_pylist()
    lost = ("failed", "host_lost", "its driver was gone", None)
    columns = ("status", "failure_class", "reason", "ended_at")
    assert [tuple(row[each] for each in columns) for row in found] == [
        lost,
        lost,
        ("ok", None, None, at(60)),
    ]
    assert (found[0]["devices"], found[0]["load_ms"]) == (["CUDA0"], 950.0)
    assert found[0]["started_at"] == at(5)
    assert kept == [{"device": "CUDA0", "mib": 980.0}, {"device": "Host", "mib": 5.0}]


def test_a_launch_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "launches" / "date=2026-03-01"
    store = warehouse(tmp_path)
    folder.mkdir(parents=True)
    (folder / "l1.ready.parquet").write_bytes(b"not Parquet")
    with pytest.raises(WarehouseError, match=r"l1\.ready\.parquet cannot be read"):
        store.close_lost_launches("its driver was gone")
