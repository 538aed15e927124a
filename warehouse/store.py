"""The writer of a warehouse, and the scan of what was tried before."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from warehouse import layout, rows
from warehouse.compaction import Compacted, compact
from warehouse.errors import WarehouseError
from warehouse.figures import keep_figures
from warehouse.jobs import Thinning
from warehouse.ledger import Attempt, Ledger
from warehouse.lock import Holder
from warehouse.retention import Removal, removals, remove, uncommitted_transcripts
from warehouse.schemas import rows_of, table_of
from warehouse.snapshot import FOLDERS, Snapshots, read_attempts
from warehouse.storage import Place, Storage, storage_at
from warehouse.views import load_views


def create(place: Place) -> None:
    """Make a warehouse, or check that the one that is there can be used.

    Raises:
        WarehouseError: it cannot be made, or a newer herd wrote it.
    """
    storage = storage_at(place)
    storage.prepare()
    if storage.exists(layout.MARKER):
        check(storage)
    else:
        storage.write(layout.MARKER, json.dumps({"layout": layout.LAYOUT_VERSION}).encode())


def check(place: Place) -> None:
    """See that there is a warehouse that this version understands.

    Raises:
        WarehouseError: there is none, or a newer herd wrote it.
    """
    storage = storage_at(place)
    marker = storage.read(layout.MARKER)
    if marker is None:
        raise WarehouseError(
            f"no warehouse at {storage.name()}: run a sweep first, or name another with "
            "warehouse.uri"
        )
    try:
        version = json.loads(marker)["layout"]
    except (ValueError, KeyError, TypeError) as error:
        raise WarehouseError(
            f"{storage.name(layout.MARKER)} is damaged: remove it and run a sweep"
        ) from error
    if version not in layout.READABLE:
        raise WarehouseError(
            f"{storage.name()} has layout {version}, this herd knows {layout.LAYOUT_VERSION}: "
            "update herd"
        )


def read_ledger(place: Place) -> Ledger:
    """All committed attempts, from names and manifests alone; reads no rows.

    A folder that is no warehouse yet has none.

    Raises:
        WarehouseError: the folder cannot be read.
    """
    return Ledger(read_attempts(storage_at(place)))


@contextmanager
def writing(
    place: Place,
    holder: Holder,
    *,
    wait: bool,
    on_wait: Callable[[Holder | None], None],
    compact_files: int | None = None,
) -> Iterator["Warehouse"]:
    """Be the one writer of a warehouse, which is made if it is not there.

    Args:
        place: the warehouse.
        holder: what others are told while this one writes.
        wait: whether to wait for another writer.
        on_wait: called once, with the other writer, before waiting.
        compact_files: small files past which it compacts by itself; None: never.

    Raises:
        HeldError: another one writes and `wait` is off.
        WarehouseError: it cannot be used.
    """
    storage = storage_at(place)
    create(storage)
    with storage.writing(holder, wait=wait, on_wait=on_wait) as owned:
        yield Warehouse(owned, compact_files)


_AnyRow = TypeVar("_AnyRow", bound=rows.Row)


def _read(storage: Storage, path: str, table: type[_AnyRow]) -> list[_AnyRow]:
    content = storage.read(path)
    if content is None:
        return []
    try:
        return rows_of(table, pq.ParquetFile(pa.BufferReader(content)).read())
    except (OSError, pa.ArrowInvalid) as error:
        text = f"{storage.name(path)} cannot be read: move it out of the folder"
        raise WarehouseError(text) from error


def _now() -> datetime:
    return datetime.now(UTC)


SHORT_BYTES = 64 << 10
"""Rows of up to so much are written as they are: unpacking is a quarter of reading such a file."""
_CELL_TABLES = tuple(t for t in rows.TABLES if layout.PARENTS.get(t.TABLE) == rows.Cell.TABLE)


class Warehouse:
    """Writes rows; every file appears whole, and the file that commits a group last.

    Get it from `writing`, which holds the lock. A killed writer's temporary files are removed here.
    """

    def __init__(self, place: Place, compact_files: int | None = None) -> None:
        self._storage = storage_at(place)
        self._committed = {(each.cell_id, each.attempt) for each in read_attempts(self._storage)}
        self._compact_files = compact_files
        self._small_files: int | None = None
        listed = self._storage.list_tables(FOLDERS, suffix="")
        self._present = {f"{table}/{path}" for table, paths in listed.items() for path in paths}
        for path in sorted(self._present):
            if path.endswith(layout.TEMPORARY):
                self._storage.delete(path)

    def write_sweep(
        self,
        sweep: rows.Sweep,
        planned: Sequence[rows.PlannedCell],
        predicted: Sequence[rows.PredictedMemory],
        hosts: Sequence[rows.Host],
        models: Sequence[rows.Model],
    ) -> None:
        """Write a sweep with its plan, before its first start."""
        self.add_to_sweep(sweep, 0, planned, predicted, hosts, models)
        folder = layout.folder(rows.Sweep.TABLE, sweep.started_at)
        self._write(folder, layout.sweep_stem(sweep.sweep_id), rows.Sweep, [sweep])

    def add_to_sweep(
        self,
        sweep: rows.Sweep,
        addition: int,
        planned: Sequence[rows.PlannedCell],
        predicted: Sequence[rows.PredictedMemory],
        hosts: Sequence[rows.Host],
        models: Sequence[rows.Model],
    ) -> None:
        """Write what its plan got later, when a host joined: additions count from 1."""
        groups: tuple[tuple[type[rows.Row], Sequence[rows.Row]], ...] = (
            (rows.Host, hosts),
            (rows.Model, models),
            (rows.PredictedMemory, predicted),
            (rows.PlannedCell, planned),
        )
        stem = layout.sweep_stem(sweep.sweep_id, addition)
        for table, group in groups:
            self._write(layout.folder(table.TABLE, sweep.started_at), stem, table, group)

    def write_launch(self, launch: rows.Launch, memory: Sequence[rows.Memory]) -> None:
        """Write a launch with its memory: when the server is ready, again whole when it is gone.

        The second (with `ended_at`) supersedes the first. Then no server runs here, and small
        files are compacted once they are many.
        """
        self._write_launch(launch, memory, ended=launch.ended_at is not None)
        if launch.ended_at is not None:
            self.compact_when_many()

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
        lost = Snapshots(self._storage).take().unfinished_launches()
        for path in lost:
            (row,) = _read(self._storage, f"{launches}/{path}", rows.Launch)
            memory = _read(self._storage, f"{rows.Memory.TABLE}/{path}", rows.Memory)
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
        self._storage.write(path, content)
        return path

    def write_transcript(self, cell_id: str, attempt: int, start: datetime, content: bytes) -> str:
        """Keep the log of a cell's agent runs, before the cell is committed.

        Args:
            cell_id: the cell.
            attempt: at it.
            start: of the attempt.
            content: Inspect's log.

        Returns:
            Its path relative to the warehouse.
        """
        path = layout.transcript_path(cell_id, attempt, start)
        self._storage.write(path, content)
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

    def compact(
        self, *, open_day: str | None = None, thinning: Thinning | None = None
    ) -> Compacted:
        """Compact each day (`warehouse.compaction`), then remove what a while ago was replaced.

        Each generation that has none gets its figures (`warehouse.figures`).

        Raises:
            WarehouseError: the storage fails.
        """
        done = compact(self._storage, _now, open_day=open_day, thinning=thinning)
        keep_figures(self._storage, [view for view in load_views() if view.kept])
        self.remove()
        self._small_files = None
        return done

    def compact_when_many(self) -> Compacted | None:
        """Compact if there are too many small files; None while there are not.

        Today's finished groups become a generation of their own.

        Raises:
            WarehouseError: the storage fails.
        """
        if self._compact_files is None:
            return None
        if self._small_files is None:
            found = Snapshots(self._storage).take()
            self._small_files = sum(len(found.small(table)) for table in found.files)
        if self._small_files <= self._compact_files:
            return None
        return self.compact(open_day=layout.day(_now()))

    def remove(self) -> list[Removal]:
        """Remove what nobody needs (`warehouse.retention`); returns what that was.

        Raises:
            WarehouseError: the storage fails.
        """
        found = removals(Snapshots(self._storage).state(), _now())
        found += uncommitted_transcripts(self._storage, self._committed)
        remove(self._storage, found)
        return found

    def write_calibration(self, steps: Sequence[rows.Calibration]) -> None:
        """Write the steps of one calibration."""
        stem = layout.calibration_stem(steps[0].calibration_id)
        folder = layout.folder(rows.Calibration.TABLE, steps[0].calibrated_at)
        self._write(folder, stem, rows.Calibration, steps)

    def write_host(self, host: rows.Host, join_id: str) -> None:
        """Write what a host is that has joined the fleet."""
        folder = layout.folder(rows.Host.TABLE, host.seen_at)
        self._write(folder, layout.join_stem(join_id), rows.Host, [host])

    def write_import(
        self, row: rows.Import, hosts: Sequence[rows.Host], models: Sequence[rows.Model]
    ) -> None:
        """Say that a file was imported, once its cells are there, with its hosts and models."""
        stem = layout.import_stem(row.import_id)
        groups: tuple[tuple[type[rows.Row], Sequence[rows.Row]], ...] = (
            (rows.Host, hosts),
            (rows.Model, models),
            (rows.Import, [row]),
        )
        for table, group in groups:
            self._write(layout.folder(table.TABLE, row.imported_at), stem, table, group)

    def _write(
        self, folder: str, stem: str, table: type[rows.Row], group: Sequence[rows.Row]
    ) -> None:
        path = f"{folder}/{stem}{layout.SUFFIX}"
        if not group:
            # What a killed writer left here must not be committed by this writer's parent file.
            # Not asked for in vain: an object store takes two requests for each.
            if path in self._present:
                self._storage.delete(path)
            return
        sink = pa.BufferOutputStream()
        # Without Arrow's own copy of the schema: readers bring theirs, and parsing it for each
        # small file is half the cost of opening one. Dictionaries and statistics of columns that
        # nobody looks for a cell by are another fifth.
        found = table_of(table, group)
        pq.write_table(
            found,
            sink,
            compression="none" if found.nbytes <= SHORT_BYTES else "zstd",
            store_schema=False,
            use_dictionary=False,
            write_statistics=list(layout.KEYS[table.TABLE]),
            write_page_checksum=True,
        )
        self._storage.write(path, memoryview(sink.getvalue()))
        self._present.add(path)
        if self._small_files is not None:
            self._small_files += 1
