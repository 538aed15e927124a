"""Files of an export: whole or not at all, and never over another one."""

import csv
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from warehouse.errors import WarehouseError


@contextmanager
def appearing(path: Path) -> Iterator[Path]:
    """A path to write to; its file appears under `path` when the block ends without an error.

    Raises:
        WarehouseError: there is a file of that name, or it cannot be written.
    """
    if path.exists():
        raise WarehouseError(f"{path} exists: remove it, or name another file")
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise WarehouseError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def write_parquet(answer: pa.Table, path: Path) -> None:
    """Types as they are."""
    pq.write_table(answer, path, compression="zstd")


def write_csv(answer: pa.Table, path: Path) -> None:
    """A header, times in ISO 8601, null as nothing, lists and structs as JSON."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(answer.column_names)
        for batch in answer.to_batches():
            columns = [column.to_pylist() for column in batch.columns]
            writer.writerows([_text(value) for value in row] for row in zip(*columns, strict=True))


def write_jsonl(answer: pa.Table, path: Path) -> None:
    """An object a row; times in ISO 8601, what is no number in JSON (NaN, infinite) as null."""
    with path.open("w", encoding="utf-8") as file:
        for batch in answer.to_batches():
            for row in batch.to_pylist():
                file.write(json.dumps(_plain(row), ensure_ascii=False, default=str) + "\n")


def _text(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list | dict):
        return json.dumps(_plain(value), ensure_ascii=False, default=str)
    return value


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {key: _plain(each) for key, each in value.items()}
        case list():
            return [_plain(each) for each in value]
        case datetime():
            return value.isoformat()
        case float() if value != value or value in (float("inf"), float("-inf")):
            return None
        case _:
            return value


WRITERS: dict[str, Callable[[pa.Table, Path], None]] = {
    ".parquet": write_parquet,
    ".csv": write_csv,
    ".jsonl": write_jsonl,
}
"""Suffix -> how such a file is written."""
