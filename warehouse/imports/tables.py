"""From a file's content to records (field -> value), for each form that llama-bench writes."""

import csv
import io
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import Any

from warehouse.imports.content import Content

Records = list[Mapping[str, Any]]

BENCH_TABLES = ("llama_bench", "test")
"""Table of llama-bench's SQL; `test` until builds of 2025."""
_STEPS = 50_000_000
"""Instructions of SQLite that a file may take: its INSERTs need far fewer."""
_ALLOWED = {
    sqlite3.SQLITE_CREATE_TABLE,
    sqlite3.SQLITE_INSERT,
    sqlite3.SQLITE_UPDATE,  # of sqlite_master, by CREATE TABLE
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_TRANSACTION,
}


def from_csv(content: Content) -> Records:
    """Records of a CSV file with a header.

    Raises:
        ImportFileError: a line has more or fewer values than the header, or is broken.
    """
    lines = csv.reader(io.StringIO(content.text), strict=True)
    found: Records = []
    try:
        header = next(lines)
        for line in lines:
            if not line:
                continue
            if len(line) != len(header):
                raise content.error(
                    f"line {lines.line_num} has {len(line)} values for {len(header)} columns"
                )
            found.append(dict(zip(header, line, strict=True)))
    except csv.Error as error:
        raise content.error(f"line {lines.line_num} is no CSV: {error}") from error
    return found


def from_json(content: Content) -> Any:
    """The value of a JSON file.

    Raises:
        ImportFileError: it is broken or cut off.
    """
    try:
        return json.loads(content.text)
    except (ValueError, RecursionError) as error:
        raise content.error(f"broken or cut off JSON: {_first(error)}") from error


def from_jsonl(content: Content) -> Records:
    """Records of a file with a JSON object a line.

    Raises:
        ImportFileError: a line is broken or cut off.
    """
    found: Records = []
    for number, line in enumerate(content.text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise content.error(
                f"line {number} is broken or cut off: remove it and import the rest"
            ) from error
        if not isinstance(value, dict):
            raise content.error(f"line {number} is no JSON object")
        found.append(value)
    return found


def from_sql(content: Content) -> Records:
    """Records of the text that `llama-bench -o sql` prints.

    It is run in a database in memory that can do no more than take them.

    Raises:
        ImportFileError: it is broken or cut off, or holds other statements.
    """
    with closing(sqlite3.connect(":memory:")) as database:
        _restrict(database)
        try:
            database.executescript(content.text)
        except (sqlite3.Error, ValueError) as error:
            raise content.error(f"broken or cut off SQL: {_first(error)}") from error
        return _rows(content, database)


def from_sqlite(content: Content) -> Records:
    """Records of a database made of that text.

    Raises:
        ImportFileError: it is damaged, or holds no table of llama-bench.
    """
    address = f"{content.path.absolute().as_uri()}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(address, uri=True)) as database:
            _restrict(database)
            return _rows(content, database)
    except sqlite3.Error as error:
        raise content.error(f"damaged database: {_first(error)}") from error


def _restrict(database: sqlite3.Connection) -> None:
    """Deny what a foreign file has no business to do, such as ATTACH, and what takes for ever."""
    database.set_authorizer(
        lambda action, *_: sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY
    )
    database.set_progress_handler(lambda: 1, _STEPS)


def _rows(content: Content, database: sqlite3.Connection) -> Records:
    database.row_factory = sqlite3.Row
    found = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    tables = [each["name"] for each in found]
    table = next((each for each in BENCH_TABLES if each in tables), None)
    if table is None:
        names = ", ".join(map(str, tables)) or "no table"
        raise content.error(f"no table llama_bench in it, but {names}")
    return [dict(each) for each in database.execute(f"SELECT * FROM {table}")]  # noqa: S608 - one of BENCH_TABLES


def _first(error: Exception) -> str:
    return str(error).partition("\n")[0]


READERS: Mapping[str, Callable[[Content], Records]] = {
    "csv": from_csv,
    "jsonl": from_jsonl,
    "sql": from_sql,
    "sqlite": from_sqlite,
}


def objects(content: Content, value: object) -> Iterator[Mapping[str, Any]]:
    """The JSON objects of an array.

    Raises:
        ImportFileError: it is none, or holds something else.
    """
    if not isinstance(value, list):
        raise content.error("no JSON array")
    for number, each in enumerate(value, start=1):
        if not isinstance(each, dict):
            raise content.error(f"entry {number} is no JSON object")
        yield each
