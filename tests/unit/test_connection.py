from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

import warehouse as public
from tests.warehouse_samples import cell, launch, memory, sweep, telemetry, trial, warehouse
from warehouse.connection import Connection, connect
from warehouse.errors import QueryError, WarehouseError
from warehouse.kept import figures_name, rest_name
from warehouse.limits import Limits
from warehouse.rows import TABLES
from warehouse.views import load_views


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "herd-data"


@pytest.fixture
def connection(root: Path) -> Iterator[Connection]:
    store = warehouse(root)
    store.commit_cell(cell("c1"), [trial("c1")], [telemetry("c1")])
    with connect(root) as opened:
        yield opened


def names(root: Path) -> set[str]:
    return {str(path) for path in root.rglob("*")}


def test_an_empty_warehouse_has_every_table_and_view(root: Path) -> None:
    warehouse(root)
    with connect(root) as opened:
        for each in opened.list_views():
            assert opened.query(f"SELECT * FROM {each.name}").num_rows == 0


def test_no_warehouse_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(WarehouseError, match="no warehouse at"):
        connect(tmp_path)


def test_a_question_is_answered(connection: Connection) -> None:
    answer = connection.query("SELECT quant, context, cache_k, cache_v, tg_tok_s FROM speed")
    assert answer.to_pylist() == [
        {"quant": "Q4_1", "context": 4096, "cache_k": "f16", "cache_v": "f16", "tg_tok_s": 38.75}
    ]
    plan = connection.query("EXPLAIN ANALYZE SELECT * FROM speed").to_pylist()
    assert "explain_value" in plan[0]


def test_what_is_committed_later_is_seen_by_the_next_question(
    root: Path, connection: Connection
) -> None:
    warehouse(root).commit_cell(cell("c2"), [trial("c2")], [])
    counted = connection.query("SELECT cell_id, count(*) AS n FROM trials GROUP BY 1 ORDER BY 1")
    assert counted.to_pylist() == [{"cell_id": "c1", "n": 1}, {"cell_id": "c2", "n": 1}]


def test_rows_of_an_attempt_that_was_never_committed_are_not_there(root: Path) -> None:
    store = warehouse(root)
    store.commit_cell(cell("c1"), [trial("c1")], [telemetry("c1")])
    (root / "cells/date=2026-03-01/c1.1.ok.parquet").unlink()
    with connect(root) as opened:
        assert opened.query("SELECT * FROM trials").num_rows == 0
        assert opened.query("SELECT * FROM telemetry").num_rows == 0


def test_a_launch_is_one_row_with_its_last_memory(root: Path) -> None:
    store = warehouse(root)
    with connect(root) as opened:
        store.write_launch(launch(ended_at=None), [memory("l1", "CPU", "kv", 1.0, "log")])
        assert opened.query("SELECT mib FROM memory").to_pylist() == [{"mib": 1.0}]
        store.write_launch(launch(), [memory("l1", "CPU", "kv", 2.0, "log")])
        assert opened.query("SELECT mib FROM memory").to_pylist() == [{"mib": 2.0}]
        assert opened.query("SELECT * FROM launches").num_rows == 1


def test_a_column_that_an_older_file_lacks_is_null(root: Path) -> None:
    warehouse(root).write_sweep(sweep(), [], [], [], [])
    path = root / "sweeps/date=2026-03-01/w1.parquet"
    pq.write_table(pq.read_table(path, partitioning=None).drop_columns(["command"]), path)
    with connect(root) as opened:
        answer = opened.query("SELECT name, command FROM sweeps").to_pylist()
    assert answer == [{"name": "demo", "command": None}]


ATTACKS = [
    "COPY (SELECT 1) TO '{root}/x.parquet'",
    "COPY cells TO '{root}/x.parquet'",
    "WITH x AS (COPY (SELECT 1) TO '{root}/x.parquet') SELECT 1",
    "SELECT * FROM query('WITH x AS (COPY (SELECT 1) TO ''{root}/x.parquet'') SELECT 1')",
    "EXPLAIN ANALYZE COPY (SELECT 1) TO '{root}/x.parquet'",
    "EXPLAIN ANALYZE WITH x AS (COPY (SELECT 1) TO '{root}/x.parquet') SELECT 1",
    "EXPLAIN (ANALYZE) COPY (SELECT 1) TO '{root}/x.parquet'",
    "ATTACH '{root}/x.db'",
    "CREATE TABLE t AS SELECT 1",
    "CREATE VIEW speed2 AS SELECT 1",
    "DROP VIEW speed",
    "SET enable_external_access = true",
    "SET VARIABLE a = 1",
    "INSTALL httpfs",
    "LOAD httpfs",
    "PRAGMA enable_profiling",
    "SELECT 1; DROP VIEW speed",
    "EXPORT DATABASE '{root}/x'",
    "INSERT INTO cells SELECT * FROM cells",
    "WITH x AS (DELETE FROM cells RETURNING *) SELECT * FROM x",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_text('~/.profile')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM glob('/etc/*')",
    "SELECT * FROM read_parquet('{root}/cells/*/*.parquet')",
    "SELECT * FROM read_text('{root}/../secret')",
    "SELECT * FROM enable_logging('QueryLog', storage='file', storage_path='{root}/log')",
    "SELECT * FROM enable_profiling(save_location='{root}/profile.json')",
    "SELECT * FROM sqlite_scan('{root}/x', 't')",
    "SELECT * FROM sql",
    "SELECT getenv('HOME')",
    "SELECT * FROM read_json('/etc/passwd')",
    "SELECT * FROM read_blob('/etc/passwd')",
    "SELECT * FROM read_duckdb('{root}/x.db')",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM parquet_metadata('{root}/cells/date=2026-03-01/c1.1.ok.parquet')",
    "SELECT * FROM read_parquet('s3://bucket/x.parquet')",
    "SELECT * FROM read_csv('https://localhost/x.csv')",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM query('SELECT 1; DROP VIEW speed')",
    "SELECT * FROM query('CREATE TABLE t AS SELECT 1')",
    (
        "SELECT * FROM json_execute_serialized_sql("
        "json_serialize_sql('SELECT * FROM read_text(''/etc/passwd'')'))"
    ),
    "SELECT * FROM pandas_scan(0)",
    "SELECT * FROM arrow_scan(0, 0, 0)",
    "SELECT * FROM python_map_function((SELECT 1))",
    "SELECT (SELECT content FROM read_text('/etc/passwd'))",
    "WITH x AS (FROM read_text('/etc/passwd')) FROM x",
    "FROM cells WHERE quant IN (FROM glob('/etc/*'))",
    "SELECT * FROM answer",
]


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Connection]]:
    """One for all attacks: none of them may change it."""
    root = tmp_path_factory.mktemp("attacked") / "herd-data"
    warehouse(root).commit_cell(cell("c1"), [trial("c1")], [telemetry("c1")])
    with connect(root) as opened:
        yield root, opened


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_is_written_and_nothing_else_is_read(
    attacked: tuple[Path, Connection], attack: str
) -> None:
    root, connection = attacked
    before = names(root.parent)
    with pytest.raises(QueryError) as error:
        connection.query(attack.format(root=root))
    assert "\n" not in str(error.value)
    assert names(root.parent) == before
    assert connection.query("SELECT * FROM speed").num_rows == 1


def test_a_relation_is_fenced_too(root: Path, connection: Connection) -> None:
    before = names(root.parent)
    relation = connection.sql("SELECT * FROM speed")
    attacks: tuple[Callable[[], object], ...] = (
        lambda: connection.sql("DROP VIEW speed"),
        lambda: connection.sql("SELECT * FROM read_text('/etc/passwd')"),
        lambda: connection.sql("SELECT * FROM relation"),
        lambda: relation.write_parquet(str(root / "x.parquet")),
        lambda: relation.to_csv(str(root / "x.csv")),
        lambda: relation.query("v", f"COPY v TO '{root}/y.csv'"),
    )
    for attack in attacks:
        with pytest.raises((QueryError, duckdb.Error)):
            attack()
    assert names(root.parent) == before


def test_a_relation_is_lazy_and_keeps_its_snapshot(root: Path, connection: Connection) -> None:
    before = connection.sql("SELECT cell_id, quant FROM cells ORDER BY 1")
    warehouse(root).commit_cell(cell("c2"), [trial("c2")], [])
    after = connection.sql("SELECT cell_id FROM cells ORDER BY 1")
    assert connection.query("SELECT count(*) AS n FROM cells").to_pylist() == [{"n": 2}]
    assert before.filter("quant = 'Q4_1'").fetchall() == [("c1", "Q4_1")]
    assert after.fetchall() == [("c1",), ("c2",)]
    assert before.to_arrow_table().to_pylist() == [{"cell_id": "c1", "quant": "Q4_1"}]


def test_a_relation_knows_what_its_query_names_and_nothing_that_is_empty(
    connection: Connection,
) -> None:
    relation = connection.sql("SELECT cell_id FROM speed")
    joined = relation.query("r", "SELECT quant FROM r JOIN cells USING (cell_id)")
    assert joined is not None
    assert joined.fetchall() == [("Q4_1",)]
    with pytest.raises(duckdb.CatalogException, match="telemetry does not exist"):
        relation.query("r", "SELECT * FROM r JOIN telemetry USING (cell_id)")


def test_a_relation_that_is_read_half_blocks_no_question(connection: Connection) -> None:
    reader = connection.sql("FROM range(1000000)").to_arrow_reader(10)
    reader.read_next_batch()
    assert connection.query("SELECT 1 AS one").to_pylist() == [{"one": 1}]
    assert connection.sql("SELECT 2").fetchall() == [(2,)]


def test_the_package_gives_its_connection(root: Path) -> None:
    warehouse(root)
    with public.connect(str(root), public.Limits(memory_mib=500)) as opened:
        assert isinstance(opened, public.Connection)
        assert opened.sql("SELECT current_setting('memory_limit')").fetchall() == [("500.0 MiB",)]
    with pytest.raises(AttributeError):
        _ = public.nothing


def test_a_table_that_is_named_by_an_expression_is_read(connection: Connection) -> None:
    asked = "SELECT cell_id FROM query_table('ce' || 'lls')"
    assert connection.query(asked).to_pylist() == [{"cell_id": "c1"}]
    asked = "SELECT * FROM query('SELECT cell_id FROM tri' || 'als')"
    assert connection.query(asked).to_pylist() == [{"cell_id": "c1"}]


def test_a_question_stops_at_its_time_and_the_next_is_answered(root: Path) -> None:
    warehouse(root)
    with connect(root, Limits(timeout_s=0.3)) as opened:
        with pytest.raises(QueryError, match=r"^stopped after 0\.3 s: narrow the question"):
            opened.query("SELECT count(*) FROM range(1000000000000) a, range(1000000000000) b")
        assert opened.query("SELECT 1 AS one").to_pylist() == [{"one": 1}]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("FROM range(100000000)", "^the answer is larger than 100 MiB: add a limit"),
        ("SELECT list(range) FROM range(100000000)", "Out of Memory .*sql_memory_mib$"),
    ],
)
def test_a_question_stops_at_its_memory_and_the_next_is_answered(
    root: Path, asked: str, told: str
) -> None:
    warehouse(root)
    with connect(root, Limits(memory_mib=100)) as opened:
        with pytest.raises(QueryError, match=told):
            opened.query(asked)
        assert opened.query("SELECT 1 AS one").to_pylist() == [{"one": 1}]


@pytest.mark.parametrize(
    "listing",
    [
        "SHOW TABLES",
        "SELECT table_name AS name FROM information_schema.tables",
        "SELECT DISTINCT table_name AS name FROM duckdb_columns() WHERE NOT internal",
    ],
)
def test_lists_hold_every_view(root: Path, listing: str) -> None:
    warehouse(root)
    with connect(root) as opened:
        listed = {each["name"] for each in opened.query(listing).to_pylist()}
        assert {view.name for view in opened.list_views()} <= listed


def test_only_the_committed_tables_and_the_views_can_be_named(connection: Connection) -> None:
    shown = {each["name"] for each in connection.query("SHOW TABLES").to_pylist()}
    kept = [view for view in load_views() if view.kept]
    parts = {name(view) for view in kept for name in (figures_name, rest_name)}
    assert shown - parts == {each.name for each in connection.list_views()}
    assert {table.TABLE for table in TABLES} <= shown


def test_a_failing_question_does_not_spoil_the_next(connection: Connection) -> None:
    with pytest.raises(QueryError, match=r"Binder Error: .*no_such"):
        connection.query("SELECT no_such FROM cells")
    with pytest.raises(QueryError, match="Conversion Error"):
        connection.query("SELECT CAST(cell_id AS INTEGER) FROM cells")
    assert connection.query("SELECT 1 AS one").to_pylist() == [{"one": 1}]


def test_times_are_shown_in_utc(connection: Connection) -> None:
    answer = connection.query("SELECT started_at::VARCHAR AS t FROM cells").to_pylist()
    assert answer == [{"t": "2026-03-01 12:00:10+00"}]
