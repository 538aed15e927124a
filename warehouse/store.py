"""The writer of a warehouse, and the scan of what was tried before."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from warehouse import files, layout, rows
from warehouse.errors import WarehouseError
from warehouse.ledger import Attempt, Ledger
from warehouse.lock import Holder, held
from warehouse.schemas import rows_of, table_of


def create(root: Path) -> None:
    """Make a warehouse, or check that the one that is there can be used.

    Raises:
        WarehouseError: the folder cannot be made, or a newer herd wrote it.
    """
    marker = root / layout.MARKER
    files.make_folder(root)
    with files.explained(marker):
        exists = marker.exists()
    if exists:
        check(root)
    else:
        files.write_file(marker, json.dumps({"layout": layout.LAYOUT_VERSION}).encode())


def check(root: Path) -> None:
    """See that there is a warehouse that this version understands.

    Raises:
        WarehouseError: there is none, or a newer herd wrote it.
    """
    marker = root / layout.MARKER
    try:
        version = json.loads(marker.read_bytes())["layout"]
    except FileNotFoundError as error:
        raise WarehouseError(
            f"no warehouse at {root}: run a sweep first, or name another with warehouse.uri"
        ) from error
    except OSError as error:
        raise files.explain(error, marker) from error
    except (ValueError, KeyError, TypeError) as error:
        raise WarehouseError(f"{marker} is damaged: remove it and run a sweep") from error
    if version != layout.LAYOUT_VERSION:
        raise WarehouseError(
            f"{root} has layout {version}, this herd knows {layout.LAYOUT_VERSION}: update herd"
        )


def read_ledger(root: Path) -> Ledger:
    """All committed attempts, from the names of the `cells` files alone; reads no file.

    A folder that is no warehouse yet has none.

    Raises:
        WarehouseError: the folder cannot be read.
    """
    return Ledger(_attempts(root))


def _attempts(root: Path) -> Iterator[Attempt]:
    for path in files.list_files(root / rows.Cell.TABLE):
        stem = path.rpartition("/")[2].removesuffix(layout.SUFFIX)
        attempt = layout.parse_cell_stem(stem)
        if attempt is not None:
            yield attempt


@contextmanager
def writing(
    root: Path, holder: Holder, *, wait: bool, on_wait: Callable[[Holder | None], None]
) -> Iterator["Warehouse"]:
    """Be the one writer of a warehouse, which is made if it is not there.

    Args:
        root: folder of the warehouse.
        holder: what others are told while this one writes.
        wait: whether to wait for another writer.
        on_wait: called once, with the other writer, before waiting.

    Raises:
        HeldError: another one writes and `wait` is off.
        WarehouseError: the folder cannot be used.
    """
    create(root)
    with held(root / layout.LOCK, holder, wait=wait, on_wait=on_wait):
        yield Warehouse(root)


_AnyRow = TypeVar("_AnyRow", bound=rows.Row)


def _read(path: Path, table: type[_AnyRow]) -> list[_AnyRow]:
    try:
        return rows_of(table, pq.ParquetFile(path).read())
    except (OSError, pa.ArrowInvalid) as error:
        raise WarehouseError(f"{path} cannot be read: move it out of the folder") from error


_CELL_TABLES = tuple(t for t in rows.TABLES if layout.PARENTS.get(t.TABLE) == rows.Cell.TABLE)


class Warehouse:
    """Writes rows; every file appears whole, and the file that commits a group last.

    Get it from `writing`, which holds the lock. A killed writer's temporary files are removed here.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._committed = {(each.cell_id, each.attempt) for each in _attempts(root)}
        for table in (*(each.TABLE for each in rows.TABLES), "logs"):
            for path in files.list_files(root / table, layout.TEMPORARY):
                with files.explained(root / table / path):
                    (root / table / path).unlink()

    def write_sweep(
        self,
        sweep: rows.Sweep,
        planned: Sequence[rows.PlannedCell],
        predicted: Sequence[rows.PredictedMemory],
        hosts: Sequence[rows.Host],
        models: Sequence[rows.Model],
    ) -> None:
        """Write a sweep with its plan, before its first start."""
        stem = layout.sweep_stem(sweep.sweep_id)
        groups: tuple[tuple[type[rows.Row], Sequence[rows.Row]], ...] = (
            (rows.Host, hosts),
            (rows.Model, models),
            (rows.PredictedMemory, predicted),
            (rows.PlannedCell, planned),
            (rows.Sweep, [sweep]),
        )
        for table, group in groups:
            self._write(layout.folder(table.TABLE, sweep.started_at), stem, table, group)

    def write_launch(self, launch: rows.Launch, memory: Sequence[rows.Memory]) -> None:
        """Write a launch with its memory: when the server is ready, again whole when it is gone.

        The second (with `ended_at`) supersedes the first.
        """
        self._write_launch(launch, memory, ended=launch.ended_at is not None)

    def _write_launch(
        self, launch: rows.Launch, memory: Sequence[rows.Memory], *, ended: bool
    ) -> None:
        stem = layout.launch_stem(launch.launch_id, ended=ended)
        for table, group in ((rows.Memory, memory), (rows.Launch, [launch])):
            self._write(layout.folder(table.TABLE, launch.started_at), stem, table, group)

    def close_lost_launches(self, reason: str) -> int:
        """Say of each launch without an end that it was lost; returns how many.

        For a writer's beginning: nobody else writes, so whoever was to write the end is gone.
        """
        launches = rows.Launch.TABLE
        lost = layout.unfinished_launches(files.list_files(self._root / launches))
        for path in lost:
            (row,) = _read(self._root / launches / path, rows.Launch)
            memory_path = self._root / rows.Memory.TABLE / path
            memory = _read(memory_path, rows.Memory) if memory_path.exists() else []
            self._write_launch(
                replace(row, status="failed", failure_class="host_lost", reason=reason),
                memory,
                ended=True,
            )
        return len(lost)

    def write_log(self, launch_id: str, day: date, content: bytes) -> str:
        """Keep a launch's log, gzip; returns its path relative to the warehouse."""
        stem = layout.sweep_stem(launch_id)
        path = f"logs/date={day.isoformat()}/{stem}.log.gz"
        files.write_file(self._root / path, content)
        return path

    def commit_cell(self, cell: rows.Cell, *children: Sequence[rows.Row]) -> None:
        """Commit an attempt at a cell: its rows in the child tables first, `cells` last.

        Raises:
            WarehouseError: this attempt is committed already, or the disk does not take it.
        """
        key = (cell.cell_id, cell.attempt)
        if key in self._committed:
            raise WarehouseError(
                f"attempt {cell.attempt} at cell {cell.cell_id} is written already"
            )
        stem = layout.child_stem(*key)
        for table in _CELL_TABLES:
            group = [row for rows_ in children for row in rows_ if isinstance(row, table)]
            self._write(layout.folder(table.TABLE, cell.started_at), stem, table, group)
        attempt = Attempt(cell.cell_id, cell.attempt, cell.status, cell.failure_class)
        folder = layout.folder(rows.Cell.TABLE, cell.started_at)
        self._write(folder, layout.cell_stem(attempt), rows.Cell, [cell])
        self._committed.add(key)

    def write_calibration(self, steps: Sequence[rows.Calibration]) -> None:
        """Write the steps of one calibration."""
        stem = layout.calibration_stem(steps[0].calibration_id)
        folder = layout.folder(rows.Calibration.TABLE, steps[0].calibrated_at)
        self._write(folder, stem, rows.Calibration, steps)

    def _write(
        self, folder: str, stem: str, table: type[rows.Row], group: Sequence[rows.Row]
    ) -> None:
        path = self._root / folder / f"{stem}{layout.SUFFIX}"
        if not group:
            # What a killed writer left here must not be committed by this writer's parent file.
            with files.explained(path):
                path.unlink(missing_ok=True)
            return
        sink = pa.BufferOutputStream()
        # Without Arrow's own copy of the schema: readers bring theirs, and parsing it for each
        # small file is half the cost of opening one.
        pq.write_table(table_of(table, group), sink, compression="zstd", store_schema=False)
        files.write_file(path, memoryview(sink.getvalue()))
