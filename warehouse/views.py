"""The views of `warehouse/sql/`, one file each: parsed from their comments, in dependency order.

The file `NAME.sql` is comment lines, then one SELECT:

    -- Meaning of a row, one or more lines.
    -- column [unit]: meaning
    SELECT ...

A column that keeps name and meaning of a table's column needs no line: it takes that one's.
"""

import re
from dataclasses import dataclass
from graphlib import TopologicalSorter
from importlib.resources import files
from typing import Any

import pyarrow as pa

from warehouse import rows
from warehouse.schemas import schema_of, unit_of

_COLUMN = re.compile(r"(?P<name>[a-z][a-z0-9_]*)(?: \[(?P<unit>[^]]*)\])?: (?P<meaning>.+)")
_ANY = re.compile(
    "query|query_table|json_execute_serialized_sql"  # these put names of text together
    "|show|information_schema|sqlite_master|(duckdb|pg|pragma)_.*"  # these list all there is
)
KEPT = frozenset({"attempt_speeds"})
"""Views whose rows a compaction keeps (`warehouse.figures`): of trials only, by attempt."""
_SOURCE = re.compile(r"(?:FROM|JOIN)\s+(\w+)")


@dataclass(frozen=True, slots=True)
class ColumnInfo:
    """A column of a table or view."""

    name: str
    type: str
    unit: str
    """Empty where there is none."""
    meaning: str


@dataclass(frozen=True, slots=True)
class ViewInfo:
    """A table or view that can be queried."""

    name: str
    kind: str
    """table or view"""
    meaning: str
    columns: tuple[ColumnInfo, ...]


@dataclass(frozen=True, slots=True)
class View:
    """A view as its file defines it."""

    name: str
    meaning: str
    notes: dict[str, tuple[str, str]]
    """Column -> unit and meaning, of the columns that its comments explain."""
    sql: str

    @property
    def kept(self) -> bool:
        """Whether it is in two parts: what compactions have computed, and the rest."""
        return self.name in KEPT

    @property
    def sources(self) -> tuple[str, ...]:
        """Names that its SELECT reads from, in order of appearance: tables, views, its own CTEs."""
        return tuple(dict.fromkeys(_SOURCE.findall(self.sql)))

    def column(self, name: str, sql_type: str) -> ColumnInfo:
        """What is known of a column: from its comments, else from the tables that it reads."""
        unit, meaning = self.notes.get(name) or _table_note(name, self.sources)
        return ColumnInfo(name, sql_type, unit, meaning)


def describe_field(field: "pa.Field[Any]") -> tuple[str, str]:
    """Unit and meaning of a column of a table, from its schema."""
    metadata = field.metadata or {}
    return metadata[b"unit"].decode(), metadata[b"meaning"].decode()


def _table_note(name: str, sources: tuple[str, ...]) -> tuple[str, str]:
    """Unit and meaning of a column in the first table that has it; those read by name go first."""
    order = (*sources, rows.Cell.TABLE)
    tables = sorted(
        rows.TABLES,
        key=lambda table: order.index(table.TABLE) if table.TABLE in order else len(order),
    )
    for table in tables:
        schema = schema_of(table)
        if name in schema.names:
            return describe_field(schema.field(name))
    return unit_of(name), ""


def parse_view(name: str, text: str) -> View:
    """A view from the text of its file."""
    lines = text.splitlines()
    header = [line for line in lines if line.startswith("--")]
    meaning: list[str] = []
    notes: dict[str, tuple[str, str]] = {}
    for line in header:
        comment = line.removeprefix("--").strip()
        column = _COLUMN.fullmatch(comment)
        if column:
            unit = column["unit"] if column["unit"] is not None else unit_of(column["name"])
            notes[column["name"]] = (unit, column["meaning"])
        else:
            meaning.append(comment)
    sql = "\n".join(line for line in lines if not line.startswith("--"))
    return View(name, " ".join(meaning), notes, sql)


def in_order(views: list[View]) -> list[View]:
    """The views, each after those that its SELECT names."""
    by_name = {view.name: view for view in views}
    graph = {view.name: by_name.keys() & set(view.sources) for view in views}
    return [by_name[name] for name in TopologicalSorter(graph).static_order()]


def named_in(sql: str, views: list[View]) -> set[str]:
    """The tables and views that a query may read: all it names anywhere, and what those read.

    What a kept view reads is not among them: which of it, its two parts tell.
    """
    sources = {view.name: () if view.kept else view.sources for view in views}
    everything = [*sources, *(table.TABLE for table in rows.TABLES)]
    named: set[str] = set()
    pending = re.findall(r"\w+", sql.lower())
    while pending:
        name = pending.pop()
        if name not in named:
            named.add(name)
            pending += everything if _ANY.fullmatch(name) else sources.get(name, ())
    return named & set(everything)


def load_views() -> list[View]:
    """All views of the package, in the order in which they can be created."""
    folder = files("warehouse").joinpath("sql")
    found = sorted(folder.iterdir(), key=lambda each: each.name)
    return in_order(
        [
            parse_view(each.name.removesuffix(".sql"), each.read_text(encoding="utf-8"))
            for each in found
            if each.name.endswith(".sql")
        ]
    )
