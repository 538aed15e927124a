"""Import a file: nothing of it twice, whatever was killed when."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from warehouse import rows
from warehouse.connection import Connection
from warehouse.imports.content import Content, read_content
from warehouse.imports.reading import read_import
from warehouse.imports.runs import Given, Imported, Run
from warehouse.ledger import Ledger
from warehouse.storage import Storage
from warehouse.store import Warehouse, read_ledger

_DIGITS = 32


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an import did."""

    row: rows.Import
    notes: tuple[str, ...]
    """What is odd in the file, or was left out."""
    known: int
    """Server lives of it that were there before."""
    before: datetime | None
    """When the same content was imported before; then nothing was added."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A file that can be imported."""

    content: Content
    import_id: str
    imported: Imported


def parse_file(path: Path, given: Given) -> Parsed:
    """Read a file, whatever it is of; touches no warehouse.

    Raises:
        ImportFileError: it cannot be imported.
    """
    content = read_content(path)
    import_id = content.sha256[:_DIGITS]
    return Parsed(content, import_id, read_import(content, import_id, given))


def add(storage: Storage, warehouse: Warehouse, parsed: Parsed, now: datetime) -> Outcome:
    """Write what of a file is not there yet.

    Args:
        storage: of the warehouse, to read.
        warehouse: its writer.
        parsed: by `parse_file`.
        now: time of the import.

    Raises:
        WarehouseError: the warehouse cannot be read or written.
    """
    there = _there(storage, parsed.import_id)
    runs, notes = parsed.imported.runs, parsed.imported.notes
    if there.before is not None:
        return Outcome(_row(parsed, (), now), notes, len(runs), there.before)
    added = [each for each in runs if each.launch.launch_id not in there.trials]
    _write_runs(warehouse, added, read_ledger(storage))
    row = _row(parsed, added, now)
    warehouse.write_import(row, parsed.imported.hosts, parsed.imported.models)
    grown = [each for each in runs if there.has_fewer(each)]
    text = f"{len(grown)} runs were imported before, with fewer trials: left as they are"
    return Outcome(row, (*notes, *([text] if grown else [])), len(runs) - len(added), None)


@dataclass(frozen=True, slots=True)
class _There:
    """What was imported before."""

    before: datetime | None
    """When this very file was."""
    trials: Mapping[str, int]
    """Launch -> how many trials."""

    def has_fewer(self, run: Run) -> bool:
        known = self.trials.get(run.launch.launch_id)
        return known is not None and known < len(run.children)


def _there(storage: Storage, import_id: str) -> _There:
    with Connection(storage, views=[]) as connection:  # tables alone: views take their time
        files = connection.query(
            f"SELECT imported_at FROM imports WHERE import_id = '{import_id}'"  # noqa: S608 - a hash
        ).to_pylist()
        cells = connection.query(
            "SELECT launch_id, valid_trials + invalid_trials AS trials FROM cells "
            "WHERE source <> 'measured'"
        ).to_pylist()
    before = files[0]["imported_at"] if files else None
    return _There(before, {each["launch_id"]: int(each["trials"]) for each in cells})


def _write_runs(warehouse: Warehouse, runs: Iterable[Run], ledger: Ledger) -> None:
    attempts: dict[str, int] = {}
    for run in runs:
        cell_id = run.cell.cell_id
        attempts[cell_id] = attempts.get(cell_id, ledger.next_attempt(cell_id) - 1) + 1
        cell, children = run.numbered(attempts[cell_id])
        # The cell last: it says that its launch is there.
        warehouse.write_launch(run.launch, run.memory)
        warehouse.commit_cell(cell, children)


def _row(parsed: Parsed, added: Iterable[Run], now: datetime) -> rows.Import:
    runs = list(added)
    return rows.Import(
        import_id=parsed.import_id,
        source=parsed.imported.source,
        form=parsed.imported.form,
        file_name=parsed.content.path.name,
        file_sha256=parsed.content.sha256,
        size_bytes=parsed.content.size_bytes,
        cells=len(runs),
        trials=sum(isinstance(row, rows.Trial) for run in runs for row in run.children),
        left_out=parsed.imported.left_out,
        note="; ".join(parsed.imported.notes) or None,
        imported_at=now,
    )
