"""Compaction: the small files of a day as one file a table, with no row twice and none missing."""

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from warehouse.errors import WarehouseError
from warehouse.jobs import TELEMETRY, Job, Thinning, make_job
from warehouse.layout import LAYOUT_VERSION, MARKER, PARENTS, name_key
from warehouse.manifest import Manifest, next_generation, to_json
from warehouse.merging import Merged, SourceError, count_keys, merge
from warehouse.snapshot import TABLES, Snapshots, State
from warehouse.storage import Storage


@dataclass(frozen=True, slots=True)
class Compacted:
    """What a compaction did."""

    manifests: tuple[Manifest, ...] = ()
    """Of the generations that were written."""
    files: int = 0
    """Files that count no more."""
    skipped: tuple[tuple[str, str], ...] = ()
    """Files that could not be merged, and why: they and their groups are as they were."""

    @property
    def rows(self) -> int:
        """Rows in the new files."""
        return sum(sum(each.rows.values()) for each in self.manifests)


def compact(
    storage: Storage,
    clock: Callable[[], datetime],
    *,
    open_day: str | None = None,
    thinning: Thinning | None = None,
) -> Compacted:
    """Write a generation of each day that gets fewer files or rows by it; only the writer may.

    Args:
        storage: of the warehouse, whose lock is held.
        clock: the time, UTC.
        open_day: a day that is not over, `date=YYYY-MM-DD`: what is new becomes a generation
            beside its earlier ones, so that it is not written again and again.
        thinning: of telemetry; then only days that it changes are written. None: all as it is.

    Raises:
        WarehouseError: the storage fails, or a file that was just written is not what it should
            be: then its day is as it was.
    """
    state = Snapshots(storage).state()
    written: list[Manifest] = []
    broken: dict[str, str] = {}
    files = 0
    for date in state.dates:
        whole = date != open_day
        job = make_job(date, state, whole=whole, thinning=thinning)
        while job.thin if thinning else job.worthwhile:
            try:
                written.append(_write(storage, state, job, thinning, clock()))
            except SourceError as error:
                broken[error.path] = error.why
                job = make_job(date, state, whole=whole, thinning=thinning, broken=broken)
            else:
                files += sum(len(job.sources(table)) for table in TABLES)
                break
    return Compacted(tuple(written), files, tuple(sorted(broken.items())))


def _write(
    storage: Storage, state: State, job: Job, thinning: Thinning | None, now: datetime
) -> Manifest:
    """Write a generation: its files, and when they are seen to be right its manifest."""
    _upgrade(storage)
    interval_s = thinning.interval_s if thinning and job.thin else None
    draft = Manifest(
        date=job.date,
        generation=next_generation(state.generations(job.date), secrets.token_hex(4)),
        replaces=_replaced(job, state),
        covers=_covers(job),
        written_at=now,
        telemetry_interval_s=interval_s or _common_interval_s(job),
    )
    counts = {table: _write_table(storage, table, job, draft, interval_s) for table in TABLES}
    manifest = replace(draft, rows={table: rows for table, rows in counts.items() if rows})
    storage.write(manifest.path, to_json(manifest))
    return manifest


def _write_table(
    storage: Storage, table: str, job: Job, draft: Manifest, interval_s: float | None
) -> int:
    """Publish the table's file and read it back; returns its rows.

    Raises:
        WarehouseError: it is not what it should be.
    """
    keep = partial(thinned, interval_s=interval_s) if table == TELEMETRY and interval_s else None
    merged = merge(storage, table, job.sources(table), keep)
    if merged is None:
        return 0
    storage.write(f"{table}/{draft.file}", memoryview(merged.content))
    lost = keep is None and merged.rows.total() != merged.source_rows
    if (
        lost
        or count_keys(storage, table, draft.file) != merged.rows
        or _keys_lack(table, merged, draft)
    ):
        raise WarehouseError(
            f"{storage.name(f'{table}/{draft.file}')} is not what was written: the day is as it "
            "was; look at the disk"
        )
    return merged.rows.total()


def _keys_lack(table: str, merged: Merged, draft: Manifest) -> bool:
    """Whether a committing table named by its keys has other ones than its files' names say."""
    if table in PARENTS:
        return False
    named = {name_key(table, stem) for stem in draft.covers[table]}
    return None not in named and named != merged.rows.keys()


def _replaced(job: Job, state: State) -> frozenset[str]:
    """All that were replaced before are named again: their manifests may go in any order."""
    gone = (*job.merged, *state.replaced)
    return frozenset(each.generation for each in gone if each.date == job.date)


def _covers(job: Job) -> dict[str, frozenset[str]]:
    return {
        table: stems.union(*(each.covers.get(table, frozenset()) for each in job.merged))
        for table, stems in job.covers.items()
    }


def _common_interval_s(job: Job) -> float | None:
    """What telemetry is thinned to already, if all of it is."""
    if job.small.get(TELEMETRY):
        return None
    found = {each.telemetry_interval_s for each in job.merged if each.rows.get(TELEMETRY)}
    return found.pop() if len(found) == 1 else None


def _upgrade(storage: Storage) -> None:
    """Keep herds away that know no generations, before there is one."""
    marker = json.dumps({"layout": LAYOUT_VERSION}).encode()
    if storage.read(MARKER) != marker:
        storage.write(MARKER, marker)


def thinned(samples: pa.Table, interval_s: float) -> pa.Table:
    """The first sample of each device in each interval; of telemetry of one cell."""
    slots = pc.divide(samples["sampled_at"].cast(pa.int64()), round(interval_s * 1e6))
    numbers = pa.array(range(samples.num_rows))
    columns: list[Any] = [samples["device"], slots, numbers]
    table = pa.table(columns, names=["device", "slot", "row"])
    first = table.group_by(["device", "slot"], use_threads=False).aggregate([("row", "min")])
    return samples.take(first["row_min"].combine_chunks().sort())
