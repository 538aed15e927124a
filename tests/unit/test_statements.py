from collections.abc import Iterator

import duckdb
import pytest

from warehouse.errors import QueryError
from warehouse.statements import check_statement, split_statements


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(":memory:") as opened:
        yield opened


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "select 1;",
        "-- how fast?\nselect 1 -- so",
        "with x as (select 1) from x",
        "show tables",
        "describe select 1",
        "EXPLAIN SELECT 1",
        "explain analyze select 1",
        "EXPLAIN (FORMAT JSON) SELECT 1",
        "explain (analyze, format json) select 1",
        "explain (select 1)",
        "/* a */ explain -- b\n analyze /* c */ select 'copy' -- d",
        "explain select ')' || '/* no comment */'",
        "/* über alles */ explain analyze select 'ü' -- ö",
        "pivot (select 1 as a) on a in (1, 2) using count(*)",
    ],
)
def test_a_question_may_be_asked(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    check_statement(connection, sql)


@pytest.mark.parametrize(
    "sql",
    [
        "",
        "-- nothing",
        "select 1; select 2",
        "COPY (SELECT 1) TO 'x.parquet'",
        "ATTACH 'x.db'",
        "CREATE TABLE t AS SELECT 1",
        "DROP VIEW speed",
        "SET memory_limit = '1GB'",
        "SET VARIABLE a = 1",
        "INSTALL httpfs",
        "LOAD httpfs",
        "PRAGMA version",
        "CALL pragma_version()",
        "EXPORT DATABASE 'x'",
        "INSERT INTO cells SELECT 1",
        "CHECKPOINT",
        "VACUUM",
        "USE memory",
        "BEGIN",
        "PREPARE p AS SELECT 1",
        "EXECUTE p",
        "DETACH memory",
        "RESET memory_limit",
        "IMPORT DATABASE 'x'",
        "CREATE MACRO m() AS 1",
        "COMMENT ON VIEW speed IS 'x'",
        "/* üüüüüüüü */ EXPLAIN ANALYZE COPY (SELECT 1) TO 'x'",
        "EXPLAIN COPY (SELECT 1) TO 'x.parquet'",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO 'x.parquet'",
        "EXPLAIN (ANALYZE) COPY (SELECT 1) TO 'x.parquet'",
        "EXPLAIN (ANALYZE, FORMAT JSON) COPY (SELECT 1) TO 'x.parquet'",
        "/* explain select 1 */ EXPLAIN -- select 1\n ANALYZE /* */ COPY (SELECT 1) TO 'x'",
        "EXPLAIN CREATE TABLE t AS SELECT 1",
        "EXPLAIN ANALYZE INSERT INTO t SELECT 1",
    ],
)
def test_anything_else_is_refused(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    with pytest.raises(QueryError):
        check_statement(connection, sql)


def test_the_refusal_is_one_line_that_says_what_may_be_asked(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    with pytest.raises(QueryError, match=r"^read-only: SELECT or EXPLAIN of a SELECT, not COPY$"):
        check_statement(connection, "COPY (SELECT 1) TO 'x'")
    with pytest.raises(QueryError, match=r"^one statement at a time: this has 2$"):
        check_statement(connection, "SELECT 1; SELECT 2")
    with pytest.raises(QueryError, match=r"^Parser Error: [^\n]*$"):
        check_statement(connection, "SELEC 1")


def test_a_pivot_without_values_is_told_what_it_lacks(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    with pytest.raises(QueryError, match="PIVOT needs its values"):
        check_statement(connection, "PIVOT (SELECT 1 AS a) ON a USING count(*)")


@pytest.mark.parametrize(
    ("text", "ended", "rest"),
    [
        ("select 1", [], "select 1"),
        ("select 1;", ["select 1"], ""),
        ("select 1;;\n ; select 2 ; sel", ["select 1", "select 2"], "sel"),
        ("select ';' ;", ["select ';'"], ""),
        ('select 1 as "a;" ;', ['select 1 as "a;"'], ""),
        ("select $$;$$; ", ["select $$;$$"], ""),
        ("select 1 -- so;\n", [], "select 1 -- so;"),
        ("select 1 /* ; */;", ["select 1 /* ; */"], ""),
        ("select 'open;", [], "select 'open;"),
        ("-- nothing;", [], ""),
        ("-- how fast?\nselect 'ü;ö'; select 2", ["-- how fast?\nselect 'ü;ö'"], "select 2"),
        ("", [], ""),
    ],
)
def test_a_semicolon_ends_a_statement(text: str, ended: list[str], rest: str) -> None:
    assert split_statements(text) == (ended, rest)
