"""Where things lie in a warehouse: pure functions of names (`warehouse.visibility`: what counts).

    <root>/herd-warehouse.json                         layout version
    <root>/<table>/date=YYYY-MM-DD/<stem>.parquet      date (UTC) of the start of the committing row
    <root>/<table>/date=YYYY-MM-DD/<generation>.compacted.parquet   many of these files in one
    <root>/manifests/date=YYYY-MM-DD/<generation>.json              makes a generation count
    <root>/logs/date=YYYY-MM-DD/<launch_id>.log.gz
    <root>/transcripts/date=YYYY-MM-DD/<cell_id>.<attempt>.eval        Inspect's, of agent cells

A published file never changes: a reader that opens it twice sees the same rows (DuckDB and
Arrow read footer and pages apart; a replaced file was seen to give wrong values silently).
A group of files is committed by the file of its parent table, written last, under the same date.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from warehouse.errors import WarehouseError
from warehouse.ledger import Attempt

MARKER = "herd-warehouse.json"
LOCK = "writer.lock"
LAYOUT_VERSION = 2
"""2 has generations; a warehouse of layout 1 has none yet, and is read as it is."""
READABLE = (1, 2)
SUFFIX = ".parquet"
TEMPORARY = ".tmp"
TRANSCRIPTS = "transcripts"
TRANSCRIPT_SUFFIX = ".eval"
"""Inspect's own: its viewer opens the file as it lies there."""

PARENTS: Mapping[str, str] = {
    "planned_cells": "sweeps",
    "predicted_memory": "sweeps",
    "memory": "launches",
    "trials": "cells",
    "context_probes": "cells",
    "prefill": "cells",
    "depth_runs": "cells",
    "load_steps": "cells",
    "requests": "cells",
    "stability_rounds": "cells",
    "agent_runs": "cells",
    "agent_turns": "cells",
    "tool_calls": "cells",
    "quality": "cells",
    "telemetry": "cells",
}
"""Child table -> the table whose file commits it. Tables not named commit themselves."""

KEYS: Mapping[str, tuple[str, ...]] = {
    "sweeps": ("sweep_id",),
    "planned_cells": ("sweep_id",),
    "predicted_memory": ("sweep_id",),
    "hosts": ("host_id",),
    "models": ("model_sha256",),
    "launches": ("launch_id",),
    "memory": ("launch_id",),
    "calibrations": ("calibration_id",),
    "imports": ("import_id",),
    "cells": ("cell_id", "attempt"),
    **{child: ("cell_id", "attempt") for child, parent in PARENTS.items() if parent == "cells"},
}
"""Columns that every version of a table has; compacted files are sorted by them."""

_ID = re.compile(r"[A-Za-z0-9_-]+")
_LAUNCH_STAGES = ("ready", "done")


def day(moment: datetime) -> str:
    """The date in UTC, as the folders are named."""
    return f"date={moment.astimezone(UTC).date().isoformat()}"


def folder(table: str, start: datetime) -> str:
    """Folder of a table's rows that started then, relative to the root."""
    return f"{table}/{day(start)}"


def _identifier(text: str) -> str:
    # A dot separates the parts of a name; a slash would leave the folder.
    if not _ID.fullmatch(text):
        raise WarehouseError(f"{text!r} cannot be an identity: letters, digits, _ and - only")
    return text


def sweep_stem(sweep_id: str, addition: int = 0) -> str:
    """Stem of a sweep's files, or of what its plan got later, when a host joined: from 1."""
    stem = _identifier(sweep_id)
    return f"{stem}.{addition}" if addition else stem


def is_addition(table: str, path: str) -> bool:
    """Whether a small file holds what a sweep's plan got later: its sweep may be compacted."""
    return PARENTS.get(table) == "sweeps" and "." in stem_of(path)


def launch_stem(launch_id: str, ended: bool) -> str:
    """Stem of a launch's files: one when the server is ready, one when it is gone."""
    return f"{_identifier(launch_id)}.{'done' if ended else 'ready'}"


def calibration_stem(calibration_id: str) -> str:
    """Stem of a calibration's file, which commits itself."""
    return _identifier(calibration_id)


def join_stem(join_id: str) -> str:
    """Stem of a host's file, written when it joined the fleet; it commits itself."""
    return f"join-{_identifier(join_id)}"


def import_stem(import_id: str) -> str:
    """Stem of an import's files, which commit themselves; its cells have their own."""
    return _identifier(import_id)


def child_stem(cell_id: str, attempt: int) -> str:
    """Stem of the child tables' files of an attempt."""
    return f"{_identifier(cell_id)}.{attempt}"


def transcript_path(cell_id: str, attempt: int, start: datetime) -> str:
    """Inspect's log of an attempt at an agent cell, relative to the root."""
    return f"{folder(TRANSCRIPTS, start)}/{child_stem(cell_id, attempt)}{TRANSCRIPT_SUFFIX}"


def transcript_key(path: str) -> tuple[str, int] | None:
    """The cell and attempt that a transcript is of; None if herd did not name it."""
    parts = path.rpartition("/")[2].removesuffix(TRANSCRIPT_SUFFIX).split(".")
    if len(parts) != 2 or not parts[1].isdecimal():
        return None
    return parts[0], int(parts[1])


def cell_stem(attempt: Attempt) -> str:
    """Stem of a `cells` file: all that resuming needs to know, so that it reads no file."""
    parts = [child_stem(attempt.cell_id, attempt.attempt), _identifier(attempt.status)]
    if attempt.failure_class:
        parts.append(_identifier(attempt.failure_class))
    return ".".join(parts)


def parse_cell_stem(stem: str) -> Attempt | None:
    """The attempt that a `cells` file commits; None if herd did not name it."""
    parts = stem.split(".")
    if len(parts) not in (3, 4) or not parts[1].isdecimal() or not all(parts):
        return None
    return Attempt(parts[0], int(parts[1]), parts[2], parts[3] if len(parts) == 4 else None)


def stem_of(path: str) -> str:
    """The name of a small file without its end."""
    return path.rpartition("/")[2].removesuffix(SUFFIX)


def name_key(table: str, path: str) -> tuple[str, ...] | None:
    """Values of `KEYS` in every row of a small file, by its name; None if that does not tell."""
    parts = stem_of(path).split(".")
    if table in {"hosts", "models"}:  # named by the sweep that saw them
        return None
    return tuple(parts[: len(KEYS[table])])


def commit_key(table: str, path: str) -> str | None:
    """`date/stem` that the children of a committing file carry; None if herd did not name it."""
    date, _, name = path.rpartition("/")
    stem = name.removesuffix(SUFFIX)
    if is_addition(table, path):
        return f"{date}/{stem.partition('.')[0]}"
    if table == "cells":
        attempt = parse_cell_stem(stem)
        return f"{date}/{attempt.cell_id}.{attempt.attempt}" if attempt else None
    if table == "launches" and stem.rpartition(".")[2] not in _LAUNCH_STAGES:
        return None
    return f"{date}/{stem}"


def superseded_by(path: str) -> str | None:
    """File that holds the whole launch, if this is what was known when the server got ready."""
    start = path.removesuffix(f".ready{SUFFIX}")
    return f"{start}.done{SUFFIX}" if start != path else None
