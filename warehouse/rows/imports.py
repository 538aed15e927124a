"""The table of what was imported."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

from warehouse.rows.base import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Import(Row):
    """A file whose content was imported; its rows name it as their sweep_id."""

    TABLE: ClassVar[str] = "imports"
    import_id: Annotated[str, "identity of the content"]
    source: Annotated[str, "what wrote the file: llama-bench, llama-benchy, seed record"]
    form: Annotated[str, "csv, json, jsonl, sql or sqlite"]
    file_name: Annotated[str, "name of the file, without its folder"]
    file_sha256: Annotated[str, "hash of its content"]
    size_bytes: Annotated[int, "its size, bytes"]
    cells: Annotated[int, "cells that it added"]
    trials: Annotated[int, "trials that it added"]
    left_out: Annotated[int, "measurements in it that no table holds"]
    note: Annotated[str | None, "what is odd about it, one line"]
    imported_at: Annotated[datetime, "when, UTC"]
