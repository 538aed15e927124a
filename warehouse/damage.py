"""Parquet files that are not what their name says: truncated, of another kind, or unreadable."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds

from warehouse.layout import KEYS
from warehouse.schemas import schema_of_table
from warehouse.storage import Storage

READING = ds.ParquetFileFormat(
    default_fragment_scan_options=ds.ParquetFragmentScanOptions(
        pre_buffer=False, page_checksum_verification=True
    )
)
"""How files are read: pages with a checksum must have it."""
OPENERS = 4
"""Threads that read footers."""


def first_line(error: Exception) -> str:
    """What Arrow says, in one line."""
    return str(error).strip().partition("\n")[0] or type(error).__name__


def open_file(storage: Storage, table: str, path: str) -> tuple[ds.ParquetFileFragment, str]:
    """The file with its footer read, and what is wrong with it; empty if nothing is.

    Args:
        storage: of the warehouse.
        table: that it is to be a file of.
        path: `date=YYYY-MM-DD/name`.
    """
    return open_checked(storage, f"{table}/{path}", partial(wrong_schema, table))


def open_checked(
    storage: Storage, path: str, wrong: Callable[[pa.Schema], str]
) -> tuple[ds.ParquetFileFragment, str]:
    """The file with its footer read, and what is wrong with it, by its columns too."""
    name = storage.arrow_path(path)
    fragment: Any = READING.make_fragment(name, storage.filesystem)  # its stub knows less
    try:
        fragment.ensure_complete_metadata()
        found = fragment.physical_schema
    except (OSError, pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        return fragment, first_line(error)
    return fragment, wrong(found)


def wrong_schema(table: str, found: pa.Schema) -> str:
    """Why a file with these columns is none of the table; empty if it is one.

    It may lack columns that came later, and have some that a newer herd added.
    """
    if found.equals(schema_of_table(table)):
        return ""
    lacking = [name for name in (*KEYS[table], "schema_version") if name not in found.names]
    if lacking:
        return f"no file of {table}: it has no column {lacking[0]}"
    for column in schema_of_table(table):
        if column.name in found.names and found.field(column.name).type != column.type:
            has = found.field(column.name).type
            return f"no file of {table}: {column.name} is {has}, not {column.type}"
    return ""


def unreadable(fragment: ds.ParquetFileFragment, schema: pa.Schema) -> str:
    """Why the rows of the file cannot be read, though its footer can; empty if they can."""
    try:
        for _ in fragment.to_batches(schema=schema):
            pass
    except (OSError, pa.ArrowInvalid) as error:
        return first_line(error)
    return ""
