"""Figures: what a view makes of a generation's trials, kept beside them.

    figures/date=YYYY-MM-DD/<generation>.<view>-<version>.parquet

A published file never changes, so neither does what a SELECT gives for it. The version hashes
that SELECT and the DuckDB that ran it: of another version the trials are asked. These files
commit nothing: whatever becomes of them, the answers are the same.
"""

import re
from collections.abc import Iterable, Iterator
from hashlib import sha256

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from warehouse.layout import SUFFIX
from warehouse.merging import SourceError, row_groups_of
from warehouse.rows import Trial
from warehouse.schemas import readable_schema
from warehouse.snapshot import FIGURES, Snapshots
from warehouse.storage import Storage
from warehouse.views import View

TRIALS = Trial.TABLE
"""The one table that the SELECT may name. Its groups must be those of an attempt, or parts of it:
the trials of an attempt lie in one file."""


def figures_file(view: View, trials: str) -> str:
    """The figures of the compacted file `date=YYYY-MM-DD/name` of trials."""
    version = sha256(f"{duckdb.__version__}\n{view.sql}".encode()).hexdigest()[:12]
    return f"{trials.partition('.')[0]}.{view.name}-{version}{SUFFIX}"


def keep_figures(storage: Storage, views: list[View]) -> int:
    """Write the figures that are lacking; only the writer may. Returns how many files.

    Raises:
        WarehouseError: the storage fails.
    """
    state = Snapshots(storage).state()
    count = 0
    for generation in (each.file for each in state.manifests):
        if generation not in state.found.files[TRIALS]:
            continue
        for view in views:
            path = figures_file(view, generation)
            if path not in state.figures:
                count += _keep(storage, view, generation, path)
    return count


def _keep(storage: Storage, view: View, generation: str, path: str) -> bool:
    """Whether they could be made: damaged trials have none, and readers say what is wrong."""
    try:
        found = compute(view.sql, row_groups_of(storage, TRIALS, generation))
    except SourceError:
        return False
    sink = pa.BufferOutputStream()
    pq.write_table(found, sink, compression="zstd", store_schema=False, write_page_checksum=True)
    storage.write(f"{FIGURES}/{path}", memoryview(sink.getvalue()))
    return True


def compute(sql: str, trials: Iterable[pa.Table]) -> pa.Table:
    """The rows of a view, sorted by cell and attempt.

    Args:
        sql: its SELECT, which reads trials only.
        trials: sorted by cell and attempt; never all in memory.
    """
    words = set(re.findall(r"\w+", sql))
    columns = [name for name in readable_schema(TRIALS).names if name in words]
    with duckdb.connect() as engine:
        engine.execute("SET TimeZone = 'UTC'")

        def ask(piece: pa.Table) -> pa.Table:
            engine.register(TRIALS, piece)
            found: pa.Table = engine.sql(sql).to_arrow_table()
            return found

        parts = [ask(each) for each in _whole_attempts(trials, columns)]
        found = pa.concat_tables([ask(_none(columns)), *parts])
    return found.sort_by([("cell_id", "ascending"), ("attempt", "ascending")])


def _none(columns: list[str]) -> pa.Table:
    return readable_schema(TRIALS).empty_table().select(columns)


def _whole_attempts(trials: Iterable[pa.Table], columns: list[str]) -> Iterator[pa.Table]:
    """The same rows, never parted within an attempt."""
    rest = _none(columns)
    for rows in trials:
        both = pa.concat_tables([rest, rows.select(columns)]).combine_chunks()
        start = _last_start(both)
        yield both.slice(0, start)
        rest = both.slice(start)
    yield rest


def _last_start(rows: pa.Table) -> int:
    """Where the last attempt of the rows begins."""
    if not rows.num_rows:
        return 0
    cells, attempts = (pc.not_equal(rows[n], rows[n][-1]) for n in ("cell_id", "attempt"))
    others = pc.indices_nonzero(pc.or_(cells, attempts))
    return int(others[-1].as_py()) + 1 if len(others) else 0
