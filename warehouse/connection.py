"""Read-only SQL over a warehouse: DuckDB that sees the committed rows and no file."""

import re
from types import TracebackType

import duckdb
import pyarrow as pa

from warehouse import rows, store
from warehouse.datasets import Datasets
from warehouse.errors import QueryError
from warehouse.schemas import meaning_of, schema_of
from warehouse.statements import check_statement, first_line
from warehouse.storage import Place, Storage, storage_at
from warehouse.views import ColumnInfo, View, ViewInfo, describe_field, load_views, tables_in
from warehouse.visibility import LeftOut

_LOCKDOWN = (
    "SET TimeZone = 'UTC'",
    "SET temp_directory = ''",
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
    "SET python_enable_replacements = false",
    "SET enable_external_access = false",
    "SET lock_configuration = true",
)

_UNREAD = re.compile(r"reading the stream registered as '(?P<table>\w+)' failed")
"""What DuckDB says when Arrow could not read a table's file."""


def connect(place: Place) -> "Connection":
    """Open a warehouse for reading; a running sweep may go on writing it.

    Raises:
        WarehouseError: there is no warehouse, or it cannot be read.
    """
    storage = storage_at(place)
    store.check(storage)
    return Connection(storage, load_views())


class Connection:
    """Answers SELECTs over the tables and views, each on a snapshot of what is committed then.

    Arrow reads the Parquet files and hands rows to DuckDB, which itself can open no file at all:
    what a query's text holds, it can write nothing and read nothing else.
    """

    def __init__(self, storage: Storage, views: list[View]) -> None:
        self._views = views
        self._datasets = Datasets(storage)
        self._duckdb = duckdb.connect(":memory:")
        for table in rows.TABLES:
            self._duckdb.register(table.TABLE, self._datasets.empty(table.TABLE))
        for view in views:
            self._duckdb.execute(f"CREATE VIEW {view.name} AS {view.sql}")
        for setting in _LOCKDOWN:
            self._duckdb.execute(setting)

    def __enter__(self) -> "Connection":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._duckdb.close()

    def query(self, sql: str) -> pa.Table:
        """The answer to one SELECT, or to EXPLAIN of one.

        Raises:
            QueryError: the statement was refused, or failed in DuckDB.
            WarehouseError: the warehouse cannot be read.
        """
        check_statement(self._duckdb, sql)
        tables = tables_in(sql, self._views)
        while True:
            for name, dataset in self._datasets.refresh(tables).items():
                self._duckdb.register(name, dataset)
            try:
                answer: pa.Table = self._duckdb.sql(sql).to_arrow_table()
            except duckdb.Error as error:
                failed = _UNREAD.search(str(error))
                if failed is None or not self._datasets.recover(failed["table"]):
                    raise QueryError(first_line(error)) from error
            else:
                return answer

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """Files that the last query left out because they are damaged, or not herd's."""
        return self._datasets.left_out

    def list_views(self) -> tuple[ViewInfo, ...]:
        """Every table and view with its columns: views first, each group by name."""
        views = [
            ViewInfo(
                view.name,
                "view",
                view.meaning,
                tuple(view.column(*each) for each in self._describe(view.name)),
            )
            for view in sorted(self._views, key=lambda each: each.name)
        ]
        tables = sorted(rows.TABLES, key=lambda each: each.TABLE)
        return (*views, *(self._table_info(each) for each in tables))

    def _table_info(self, table: type[rows.Row]) -> ViewInfo:
        columns = []
        schema = schema_of(table)
        for name, sql_type in self._describe(table.TABLE):
            unit, meaning = describe_field(schema.field(name))
            columns.append(ColumnInfo(name, sql_type, unit, meaning))
        return ViewInfo(table.TABLE, "table", meaning_of(table), tuple(columns))

    def _describe(self, name: str) -> list[tuple[str, str]]:
        described = self._duckdb.execute(f"DESCRIBE {name}").fetchall()
        return [(str(each[0]), str(each[1])) for each in described]
