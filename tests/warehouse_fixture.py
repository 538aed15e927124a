"""Writes the warehouse that is kept for each version of the schemas, with today's herd.

    python -m tests.warehouse_fixture tests/fixtures/warehouse/schema-N.tar.xz

A row of every table, once as the writer leaves it and once compacted. Older archives are never
written again: a reader has to understand them as they are.
"""

import sys
import tarfile
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa

from tests.warehouse_samples import cell, host, launch, memory, model, planned, predicted, sweep
from warehouse import rows
from warehouse.layout import PARENTS
from warehouse.schemas import rows_of, schema_of
from warehouse.store import Warehouse, create

_AnyRow = TypeVar("_AnyRow", bound=rows.Row)

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def any_row(table: type[_AnyRow], **given: Any) -> _AnyRow:
    """A row with a value of its type in each column."""
    schema = schema_of(table)
    values = {field.name: [given.get(field.name, _value(field.type))] for field in schema}
    (row,) = rows_of(table, pa.table(values, schema=schema))
    return row


def _value(kind: pa.DataType) -> object:
    if pa.types.is_string(kind):
        return "text"
    if pa.types.is_timestamp(kind):
        return START
    if pa.types.is_list(kind):
        return []
    return True if pa.types.is_boolean(kind) else 1


def write(root: Path) -> None:
    """Two days' worth: cells c1 and c2 compacted, c3 as it was written."""
    create(root)
    store = Warehouse(root)
    children = [each for each in rows.TABLES if PARENTS.get(each.TABLE) == "cells"]
    for number in (1, 2, 3):
        name = f"c{number}"
        store.write_sweep(
            sweep(f"w{number}"),
            [planned(name, sweep_id=f"w{number}")],
            [replace(predicted(f"s{name}", "Host", "kv", 10.0), sweep_id=f"w{number}")],
            [host()],
            [model()],
        )
        parts = [memory(f"l{number}", "CPU", "kv", 10.0, "log")]
        store.write_launch(launch(f"l{number}", server_id=f"s{name}"), parts)
        evidence = [[any_row(each, cell_id=name, attempt=1)] for each in children]
        store.commit_cell(cell(name, launch_id=f"l{number}", sweep_id=f"w{number}"), *evidence)
        calibration = any_row(rows.Calibration, calibration_id=f"k{number}", calibrated_at=START)
        store.write_calibration([calibration])
        if number == 2:
            store.compact()


def _nobodys(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    return member


def main(archive: Path) -> None:
    """Write the archive."""
    with tempfile.TemporaryDirectory() as name, tarfile.open(archive, "w:xz") as packed:
        write(Path(name) / "w")
        packed.add(Path(name) / "w", "w", filter=_nobodys)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
