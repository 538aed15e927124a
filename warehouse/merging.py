"""Many Parquet files of a table as one: sorted by key, row group by row group."""

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from warehouse.damage import first_line, wrong_schema
from warehouse.layout import KEYS, name_key
from warehouse.manifest import generation_of
from warehouse.schemas import readable_schema
from warehouse.storage import Storage

ROW_GROUP_ROWS = 65_536
ROW_GROUP_BYTES = 64 << 20
"""A row group of a compacted file ends at either: what a query for one cell reads at least, and
what compaction holds in memory."""

Key = tuple[str, ...]
Piece = tuple[Key, pa.Table]
"""Rows of one key, in their order."""


class SourceError(Exception):
    """A file that cannot be merged."""

    def __init__(self, table: str, path: str, why: str) -> None:
        """About the file `table/path`."""
        super().__init__(f"{table}/{path}: {why}")
        self.path = f"{table}/{path}"
        self.why = why


@dataclass(frozen=True, slots=True)
class Merged:
    """A compacted file before it is published."""

    content: pa.Buffer
    rows: Counter[Key]
    """Rows of each key."""
    source_rows: int
    """Rows of all sources, by their footers."""


def merge(
    storage: Storage,
    table: str,
    paths: Iterable[str],
    keep: Callable[[pa.Table], pa.Table] | None = None,
) -> Merged | None:
    """All rows of the files, sorted by key; None if there are none.

    Args:
        storage: of the warehouse.
        table: of the files.
        paths: as `date=YYYY-MM-DD/name`.
        keep: what is kept of the rows of a key; all where it is not given.

    Raises:
        SourceError: a file cannot be read, is none of the table, or holds more than its name says;
            or a newer herd wrote it, whose columns would be lost.
    """
    files = list(paths)
    sizes: list[int] = []
    large = [_pieces(storage, table, path, sizes) for path in files if generation_of(path)]
    names = sorted((name_key(table, path) or (), path) for path in files if not generation_of(path))
    small = (piece for _, path in names for piece in _pieces(storage, table, path, sizes))
    pieces = heapq.merge(*large, small, key=lambda piece: piece[0])
    counted: Counter[Key] = Counter()
    sink = pa.BufferOutputStream()
    schema = readable_schema(table)
    with pq.ParquetWriter(
        sink, schema, compression="zstd", store_schema=False, write_page_checksum=True
    ) as out:
        for rows in _row_groups(pieces, counted, keep):
            out.write_table(rows)
    if not counted.total():
        return None
    return Merged(sink.getvalue(), counted, sum(sizes))


def count_keys(storage: Storage, table: str, path: str) -> Counter[Key]:
    """Rows of each key in a compacted file, as it lies in the storage.

    Raises:
        SourceError: it cannot be read.
    """
    counted: Counter[Key] = Counter()
    for rows in row_groups_of(storage, table, path, KEYS[table]):
        for key, piece in _split(rows, KEYS[table]):
            counted[key] += piece.num_rows
    return counted


def _row_groups(
    pieces: Iterable[Piece],
    counted: Counter[Key],
    keep: Callable[[pa.Table], pa.Table] | None,
) -> Iterator[pa.Table]:
    gathered: list[pa.Table] = []
    rows = size = 0
    for key, piece in pieces:
        kept = keep(piece) if keep else piece
        counted[key] += kept.num_rows
        gathered.append(kept)
        rows += kept.num_rows
        size += kept.nbytes
        if rows >= ROW_GROUP_ROWS or size >= ROW_GROUP_BYTES:
            yield pa.concat_tables(gathered).combine_chunks()
            gathered, rows, size = [], 0, 0
    if rows:
        yield pa.concat_tables(gathered).combine_chunks()


def _pieces(storage: Storage, table: str, path: str, sizes: list[int]) -> Iterator[Piece]:
    """The rows of a file by key; notes how many its footer tells."""
    own = None if generation_of(path) else name_key(table, path)
    for rows in row_groups_of(storage, table, path, sizes=sizes):
        for key, piece in _split(rows, KEYS[table]):
            if own and key != own:
                raise SourceError(table, path, f"it holds rows of {'.'.join(key)}")
            yield key, piece


def row_groups_of(
    storage: Storage,
    table: str,
    path: str,
    columns: Sequence[str] = (),
    sizes: list[int] | None = None,
) -> Iterator[pa.Table]:
    """The row groups of a file with the columns of the table, or with these only."""
    schema = readable_schema(table)
    try:
        with storage.filesystem.open_input_file(storage.arrow_path(f"{table}/{path}")) as opened:
            file = pq.ParquetFile(opened, page_checksum_verification=True)
            wrong = wrong_schema(table, file.schema_arrow)
            more = set(file.schema_arrow.names) - set(schema.names)
            if wrong or more:
                raise SourceError(table, path, wrong or f"a newer herd wrote it: {min(more)}")
            if sizes is not None:
                sizes.append(file.metadata.num_rows)
            for number in range(file.num_row_groups):
                rows = file.read_row_group(number, columns=list(columns) or None, use_threads=False)
                yield rows if columns else _conform(rows, schema)
    except (OSError, pa.ArrowInvalid) as error:
        raise SourceError(table, path, first_line(error)) from error


def _conform(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    present = set(rows.column_names)
    columns = [
        rows[each.name] if each.name in present else pa.nulls(rows.num_rows, each.type)
        for each in schema
    ]
    return pa.table(columns, schema=schema)


def _split(rows: pa.Table, columns: tuple[str, ...]) -> Iterator[Piece]:
    """The rows by the runs of equal values in these columns."""
    if not rows.num_rows:
        return
    starts = {0}
    for name in columns:
        values: Any = rows[name].combine_chunks()
        differs: Any = pc.fill_null(pc.not_equal(values[1:], values[:-1]), True)
        starts.update(each + 1 for each in pc.indices_nonzero(differs).to_pylist())
    bounds = [*sorted(starts), rows.num_rows]
    for start, end in pairwise(bounds):
        yield tuple(str(rows[name][start]) for name in columns), rows.slice(start, end - start)
