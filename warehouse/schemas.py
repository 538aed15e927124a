"""Arrow schemas of all tables, derived from `warehouse.rows`."""

import types
from collections.abc import Sequence
from dataclasses import asdict, fields, is_dataclass
from datetime import datetime
from functools import cache
from math import isfinite
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

import pyarrow as pa

from warehouse import rows
from warehouse.errors import WarehouseError

_SCALARS: dict[type, pa.DataType] = {
    str: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
    datetime: pa.timestamp("us", tz="UTC"),
}

# Longest first where one suffix ends in another: `_tok_s` before `_s`.
_UNITS: tuple[tuple[str, str], ...] = (
    ("tok_s", "tok/s"),
    ("mib_s", "MiB/s"),
    ("fraction", "0 to 1"),
    ("n_asked", "tokens"),
    ("context", "tokens"),
    ("depth", "tokens"),
    ("nats", "nats"),
    ("bytes", "bytes"),
    ("mib", "MiB"),
    ("mhz", "MHz"),
    ("pct", "%"),
    ("ms", "ms"),
    ("at", "UTC"),
    ("s", "s"),
    ("w", "W"),
    ("j", "J"),
    ("c", "C"),
    ("n", "tokens"),
)


def unit_of(column: str) -> str:
    """Unit that the suffix of a column's name stands for, empty where there is none."""
    for suffix, unit in _UNITS:
        if column.endswith(f"_{suffix}") or (column == suffix and len(suffix) > 1):
            return unit
    return ""


def meaning_of(table: type[rows.Row]) -> str:
    """What a row of the table is: the first line of the dataclass's docstring."""
    return (table.__doc__ or "").partition("\n")[0]


def _unwrap(hint: Any) -> tuple[Any, bool]:
    """The type inside `X | None`, and whether None is allowed."""
    if get_origin(hint) in (Union, types.UnionType):
        inner = [argument for argument in get_args(hint) if argument is not type(None)]
        if len(inner) == 1:
            return inner[0], True
    return hint, False


def _type_of(hint: Any) -> pa.DataType:
    if get_origin(hint) is tuple:
        return pa.list_(_type_of(get_args(hint)[0]))
    if is_dataclass(hint):
        return pa.struct([_field(name, each) for name, each in get_type_hints(hint).items()])
    return _SCALARS[hint]


def _field(name: str, hint: Any, meaning: str = "") -> "pa.Field[Any]":
    inner, nullable = _unwrap(hint)
    metadata = {"meaning": meaning, "unit": unit_of(name)}
    return pa.field(name, _type_of(inner), nullable, metadata)


def schema_of(table: type[rows.Row]) -> pa.Schema:
    """Arrow schema of a table: its dataclass's fields, then `schema_version`.

    Each field's metadata holds its `meaning` and its `unit`.
    """
    hints = get_type_hints(table, include_extras=True)
    columns = []
    for field in fields(table):
        annotated = hints[field.name]
        if get_origin(annotated) is not Annotated:
            raise TypeError(f"{table.TABLE}.{field.name} has no meaning: use Annotated")
        hint, meaning = get_args(annotated)[:2]
        columns.append(_field(field.name, hint, meaning))
    columns.append(_field("schema_version", int, "version of the row schemas that wrote it"))
    return pa.schema(columns)


@cache
def schema_of_table(name: str) -> pa.Schema:
    """Arrow schema of the table with that name."""
    return schema_of(next(each for each in rows.TABLES if name == each.TABLE))


@cache
def readable_schema(name: str) -> pa.Schema:
    """The same with all columns nullable: one that came later is null in rows of older files."""
    return pa.schema([column.with_nullable(True) for column in schema_of_table(name)])


def _checked(column: "pa.Field[Any]", values: list[Any]) -> list[Any]:
    if pa.types.is_floating(column.type):
        # DuckDB sorts NaN above all numbers, so that one would be a maximum, or a median.
        values = [value if value is None or isfinite(value) else None for value in values]
    if not column.nullable and None in values:
        raise ValueError(f"row {values.index(None) + 1} has no value")
    if isinstance(column.type, pa.TimestampType):
        # Arrow would take a naive time for UTC without a word.
        for value in values:
            if value is not None and value.tzinfo is None:
                raise ValueError(f"{value} has no time zone")
    return values


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [asdict(each) if is_dataclass(each) else each for each in value]  # type: ignore[arg-type] # an instance, mypy allows for a class
    return value


def table_of(table: type[rows.Row], values: Sequence[rows.Row]) -> pa.Table:
    """The rows as an Arrow table.

    Raises:
        WarehouseError: a value is missing or of another type than its column.
    """
    schema = schema_of(table)
    arrays: list[pa.Array[Any]] = []
    for column in schema:
        if column.name == "schema_version":
            raw: list[Any] = [rows.SCHEMA_VERSION] * len(values)
        else:
            raw = [_plain(getattr(row, column.name)) for row in values]
        try:
            arrays.append(pa.array(_checked(column, raw), column.type))
        except (ValueError, TypeError) as error:  # Arrow's own errors derive from these
            raise WarehouseError(f"{table.TABLE}.{column.name}: {error}") from error
    return pa.Table.from_arrays(arrays, schema=schema)


_AnyRow = TypeVar("_AnyRow", bound=rows.Row)


def rows_of(table: type[_AnyRow], arrow: pa.Table) -> list[_AnyRow]:
    """Rows of an Arrow table of flat columns and lists; what an older file lacks is null."""
    return [
        table(
            **{
                name: tuple(value) if isinstance(value, list) else value
                for name, value in each.items()
                if name != "schema_version"
            }
        )
        for each in arrow.to_pylist()
    ]
