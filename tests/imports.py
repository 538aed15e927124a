"""Importing in tests, as `herd import` does."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.warehouse_samples import holder
from warehouse import rows
from warehouse.connection import Connection, connect
from warehouse.imports.importing import Outcome, add, parse_file
from warehouse.imports.runs import Given, Run
from warehouse.storage import Place, storage_at
from warehouse.store import writing

FIXTURES = Path(__file__).parent / "fixtures" / "imports"
NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)


def import_files(place: Place, *paths: Path, host_id: str | None = None) -> Sequence[Outcome]:
    storage = storage_at(place)
    with writing(storage, holder("import"), wait=False, on_wait=print) as warehouse:
        return [add(storage, warehouse, parse_file(path, Given(host_id)), NOW) for path in paths]


def answer(place: Place, sql: str) -> list[dict[str, Any]]:
    with connect(place) as connection:
        return connection.query(sql).to_pylist()


def table_answer(place: Place, sql: str) -> list[dict[str, Any]]:
    """Of tables alone, which is faster."""
    with Connection(storage_at(place), views=[]) as connection:
        return connection.query(sql).to_pylist()


def trials_of(run: Run) -> list[rows.Trial]:
    return [each for each in run.children if isinstance(each, rows.Trial)]
