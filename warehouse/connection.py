"""Read-only SQL over a warehouse: DuckDB that sees the committed rows and no file."""

from types import TracebackType

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds

from warehouse import layout, rows, store
from warehouse.errors import QueryError
from warehouse.schemas import meaning_of, schema_of
from warehouse.statements import check_statement, first_line
from warehouse.storage import Place, Storage, storage_at
from warehouse.views import ColumnInfo, View, ViewInfo, describe_field, load_views

_LOCKDOWN = (
    "SET TimeZone = 'UTC'",
    "SET temp_directory = ''",
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
    "SET python_enable_replacements = false",
    "SET enable_external_access = false",
    "SET lock_configuration = true",
)


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
        self._storage = storage
        self._views = views
        self._files: dict[str, list[str]] = {}
        self._duckdb = duckdb.connect(":memory:")
        self._take_snapshot()
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
            WarehouseError: the warehouse holds a file that cannot be read.
        """
        check_statement(self._duckdb, sql)
        self._take_snapshot()
        try:
            answer: pa.Table = self._duckdb.sql(sql).to_arrow_table()
        except duckdb.Error as error:
            raise QueryError(first_line(error)) from error
        return answer

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

    def _take_snapshot(self) -> None:
        """Point the tables at the files that are committed now."""
        names = [each.TABLE for each in rows.TABLES]
        # Parents first, so that what they commit is in the list.
        listed = self._storage.list_tables(set(names) - layout.PARENTS.keys())
        listed |= self._storage.list_tables(layout.PARENTS)
        committed = layout.visible(listed)
        for table in rows.TABLES:
            name = table.TABLE
            if self._files.get(name) != committed[name]:
                self._duckdb.register(name, self._dataset(table, committed[name]))
                self._files[name] = committed[name]

    def _dataset(self, table: type[rows.Row], paths: list[str]) -> ds.Dataset:
        # Columns by name: what an older file lacks is null.
        return ds.FileSystemDataset.from_paths(
            [self._storage.arrow_path(f"{table.TABLE}/{each}") for each in paths],
            schema=schema_of(table),
            format=ds.ParquetFileFormat(),
            filesystem=self._storage.filesystem,
        )
