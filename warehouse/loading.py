"""Small Parquet files of a table, read whole and kept as one Arrow table."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain
from typing import TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from warehouse.damage import first_line, wrong_schema
from warehouse.schemas import readable_schema
from warehouse.storage import Storage

SMALL_BYTES = 256 << 10
"""Of pages, uncompressed: a file that holds more is scanned for the columns that are asked for."""
KEPT_BYTES = 64 << 20
"""Of a table's small files together, in memory: what comes on top is scanned too."""
_T = TypeVar("_T")
_READERS = 4
"""Threads that read files."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What became of a file: its rows, or why it has none, or neither where it is large."""

    rows: pa.Table | None = None
    wrong: str = ""


@dataclass(slots=True)
class Loaded:
    """Files of one table that were read: a scan of so little costs a millisecond a file."""

    rows: pa.Table
    paths: set[str] = field(default_factory=set)
    too_large: set[str] = field(default_factory=set)
    """Files that are scanned instead."""

    @property
    def full(self) -> bool:
        """Whether no more should be kept."""
        return self.rows.nbytes > KEPT_BYTES

    def add(self, opened: Mapping[str, Opened]) -> None:
        """Keep the rows of these files too."""
        new = {path: each.rows for path, each in opened.items() if each.rows is not None}
        self.too_large |= {p for p, each in opened.items() if each.rows is None and not each.wrong}
        if new:
            self.paths |= new.keys()
            # Together: columns that a file lacks are filled in here, at once for all of them.
            found = pa.concat_tables([self.rows, *new.values()], promote_options="default")
            self.rows = found.cast(self.rows.schema).combine_chunks()


def load_files(storage: Storage, table: str, paths: list[str]) -> Iterator[tuple[str, Opened]]:
    """Each of the files, as `date=YYYY-MM-DD/name`, with what it holds."""

    def read(some: list[str]) -> list[tuple[str, Opened]]:
        return [(path, load_file(storage, table, path)) for path in some]

    with ThreadPoolExecutor(_READERS) as pool:
        yield from chain.from_iterable(pool.map(read, shares(paths, _READERS)))


def shares(items: list[_T], count: int) -> list[list[_T]]:
    """The items in so many parts: handing over single files costs more than opening them."""
    size = -(-len(items) // count) or 1
    return [items[start : start + size] for start in range(0, len(items), size)]


def load_file(storage: Storage, table: str, path: str) -> Opened:
    """The rows of a small file with those columns of the table that it has."""
    name = storage.arrow_path(f"{table}/{path}")
    known = readable_schema(table).names
    try:
        with (
            storage.filesystem.open_input_file(name) as opened,
            pq.ParquetFile(opened, page_checksum_verification=True) as file,
        ):
            found = file.schema_arrow
            wrong = wrong_schema(table, found)
            if wrong or _pages_bytes(file.metadata) > SMALL_BYTES:
                return Opened(wrong=wrong)
            newer = set(found.names) - set(known)
            columns = [each for each in known if each in found.names] if newer else None
            return Opened(file.read(columns, use_threads=False))
    except (OSError, pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        return Opened(wrong=first_line(error))


def _pages_bytes(footer: pq.FileMetaData) -> int:
    return sum(footer.row_group(each).total_byte_size for each in range(footer.num_row_groups))
