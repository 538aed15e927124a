"""Read-only SQL over a warehouse: DuckDB that sees the committed rows and no file."""

import re
from types import TracebackType

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds

from warehouse import rows, store
from warehouse.datasets import Datasets
from warehouse.errors import QueryError
from warehouse.figures import TRIALS
from warehouse.kept import figures_name, of_rest, rest_name
from warehouse.limits import UNLIMITED, Limits, run
from warehouse.schemas import meaning_of, schema_of
from warehouse.statements import check_statement, first_line
from warehouse.storage import Place, Storage, storage_at
from warehouse.views import ColumnInfo, View, ViewInfo, describe_field, load_views, named_in
from warehouse.visibility import LeftOut

_LOCKDOWN = (
    "SET GLOBAL TimeZone = 'UTC'",
    "SET GLOBAL temp_directory = ''",
    "SET GLOBAL autoinstall_known_extensions = false",
    "SET GLOBAL autoload_known_extensions = false",
    "SET GLOBAL python_enable_replacements = false",
    "SET GLOBAL enable_external_access = false",
    "SET GLOBAL lock_configuration = true",
)

_UNREAD = re.compile(r"reading the stream registered as '(?P<table>\w+)' failed")
"""What DuckDB says when Arrow could not read a table's file."""


def connect(uri: Place, limits: Limits = UNLIMITED) -> "Connection":
    """Open a warehouse for reading; a running sweep may go on writing it.

    In a notebook:

        import warehouse

        herd = warehouse.connect("herd-data")
        speed = herd.sql("select quant, context, tg_tok_s from speed")
        speed.filter("context >= 32768").order("tg_tok_s desc").df()    # or .pl(), .arrow()
        herd.sql("from trials where not valid").limit(20)

    Args:
        uri: a folder, or `s3://bucket/prefix`.
        limits: what a question may cost.

    Raises:
        WarehouseError: there is no warehouse, or it cannot be read.
    """
    storage = storage_at(uri)
    store.check(storage)
    return Connection(storage, load_views(), limits)


class Connection:
    """Answers SELECTs over the tables and views, each on a snapshot of what is committed then.

    Arrow reads the Parquet files and hands rows to DuckDB, which itself can open no file at all:
    what a query's text holds, it can write nothing and read nothing else.
    """

    def __init__(self, storage: Storage, views: list[View], limits: Limits = UNLIMITED) -> None:
        self._views = views
        self._limits = limits
        self._datasets = Datasets(storage)
        self._duckdb = duckdb.connect(":memory:")
        self._registered: dict[str, ds.Dataset] = {}
        for each in rows.TABLES:
            self._register(each.TABLE, self._datasets.empty(each.TABLE))
        self._created: set[str] = set()
        if limits.memory_mib is not None:
            self._duckdb.execute(f"SET GLOBAL memory_limit = '{limits.memory_mib} MiB'")
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
        """Close the connection, and the relations that it gave."""
        self._duckdb.close()

    def sql(self, query: str) -> duckdb.DuckDBPyRelation:
        """One SELECT, or EXPLAIN of one, as a relation of DuckDB: lazy, and to be asked further.

        Each relation keeps the snapshot of its own moment, of the tables that its query names: what
        is joined is joined in the query. The limit of memory holds for it, that of time does not:
        it is run by who asks it for rows. Where a compaction removed its files meanwhile (minutes
        later at the earliest), it fails: ask for a new one.

        Raises:
            QueryError: the statement was refused, or names what is not there.
            WarehouseError: the warehouse cannot be read.
        """
        check_statement(self._duckdb, query)
        snapshot = self._duckdb.cursor()
        for name, rows_ in self._take_snapshot(query).items():
            snapshot.register(name, rows_)
        try:
            return snapshot.sql(query)
        except duckdb.Error as error:
            raise QueryError(first_line(error)) from error

    def query(self, sql: str) -> pa.Table:
        """The answer to one SELECT, or to EXPLAIN of one, within the limits.

        Raises:
            QueryError: the statement was refused, failed in DuckDB, or costs more than it may.
            WarehouseError: the warehouse cannot be read.
        """
        check_statement(self._duckdb, sql)
        while True:
            self._take_snapshot(sql)
            try:
                return run(self._duckdb, sql, self._limits)
            except duckdb.Error as error:
                failed = _UNREAD.search(str(error))
                if failed is None or not self._datasets.recover(failed["table"]):
                    raise QueryError(first_line(error)) from error

    def _take_snapshot(self, sql: str) -> dict[str, ds.Dataset]:
        """Point what a query names at the files that are committed now; returns it."""
        named = named_in(sql, self._views)
        self._create_views(named)
        tables = named & {table.TABLE for table in rows.TABLES}
        kept = [view for view in self._views if view.kept and view.name in named]
        snapshot = self._datasets.refresh(tables, kept)
        for name, dataset in snapshot.items():
            self._register(name, dataset)
        return snapshot

    def _register(self, name: str, dataset: ds.Dataset) -> None:
        if self._registered.get(name) is not dataset:
            self._duckdb.register(name, dataset)
            self._registered[name] = dataset

    def _create_views(self, named: set[str]) -> None:
        """Create those that are asked for: DuckDB takes a fifth of a second for all of them."""
        for view in self._views:
            if view.name not in named - self._created:
                continue
            sql = self._in_two_parts(view) if view.kept else view.sql
            self._duckdb.execute(f"CREATE VIEW {view.name} AS {sql}")
            self._created.add(view.name)

    def _in_two_parts(self, view: View) -> str:
        self._register(rest_name(view), self._datasets.empty(TRIALS))
        computed = of_rest(view)
        schema = self._duckdb.sql(computed).limit(0).to_arrow_table().schema
        self._register(figures_name(view), self._datasets.empty_figures(view, schema))
        return f"SELECT * FROM {figures_name(view)} UNION ALL {computed}"  # noqa: S608 - our names

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """Files that the last query left out because they are damaged, or not herd's."""
        return self._datasets.left_out

    def list_views(self) -> tuple[ViewInfo, ...]:
        """Every table and view with its columns: views first, each group by name."""
        self._create_views({view.name for view in self._views})
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
