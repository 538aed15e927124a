"""Which statements may be asked: exactly one SELECT, or one EXPLAIN of a SELECT.

The second fence is the connection's own: it can open no file, so nothing else could write either
(DuckDB 2.0 calls `WITH x AS (COPY ... TO ...) SELECT 1` a SELECT).
"""

import re

import duckdb

from warehouse.errors import QueryError

_EXPLAIN = re.compile(r"\s*EXPLAIN\s+(?:ANALY[SZ]E\b\s*)?", re.IGNORECASE)
_OPTIONS = re.compile(r"\([^()]*\)\s*")


def _tokens(sql: str) -> list[tuple[str, duckdb.token_type]]:
    """The text in pieces, with their kinds; spaces belong to what they follow."""
    raw = sql.encode()  # DuckDB counts bytes
    tokens = [(0, duckdb.token_type.comment), *duckdb.tokenize(sql)]
    ends = [offset for offset, _ in tokens[1:]] + [len(raw)]
    return [
        (raw[start:end].decode(), kind) for (start, kind), end in zip(tokens, ends, strict=True)
    ]


def _without_comments(sql: str) -> str:
    """The statement with its comments blanked, by DuckDB's own tokens."""
    return "".join(
        " " if kind == duckdb.token_type.comment else text for text, kind in _tokens(sql)
    )


def split_statements(text: str) -> tuple[list[str], str]:
    """What a user typed: the statements that a semicolon ends, and what follows the last one.

    A semicolon in a string, a name or a comment ends nothing. Comments alone are no statement.
    """
    ended: list[str] = []
    pieces: list[str] = []
    asks = False
    for piece, kind in _tokens(text):
        if kind == duckdb.token_type.operator and piece.startswith(";"):
            if asks:
                ended.append("".join(pieces).strip())
            pieces, asks = [piece[1:]], False
        else:
            pieces.append(piece)
            asks = asks or kind != duckdb.token_type.comment
    return ended, "".join(pieces).strip() if asks else ""


def first_line(error: Exception) -> str:
    """What DuckDB says, without its hints and the quoted query."""
    return str(error).strip().partition("\n")[0]


def _extract(connection: duckdb.DuckDBPyConnection, sql: str) -> list[duckdb.Statement]:
    try:
        return connection.extract_statements(sql)
    except duckdb.Error as error:
        raise QueryError(first_line(error)) from error


def _is_select(connection: duckdb.DuckDBPyConnection, sql: str) -> bool:
    try:
        found = connection.extract_statements(sql)
    except duckdb.Error:
        return False
    return len(found) == 1 and found[0].type == duckdb.StatementType.SELECT


def _explains_select(connection: duckdb.DuckDBPyConnection, sql: str) -> bool:
    """Whether the statement inside EXPLAIN is a SELECT: EXPLAIN ANALYZE runs it."""
    text = _without_comments(sql)
    prefix = _EXPLAIN.match(text)
    if prefix is None:
        return False
    inner = text[prefix.end() :]
    options = _OPTIONS.match(inner)
    # `(SELECT 1)` may follow EXPLAIN as well as `(FORMAT JSON) SELECT 1`.
    return _is_select(connection, inner) or (
        options is not None and _is_select(connection, inner[options.end() :])
    )


def check_statement(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """See that this is one SELECT, or one EXPLAIN of a SELECT.

    Raises:
        QueryError: it is anything else, or does not parse.
    """
    found = _extract(connection, sql)
    if len(found) != 1:
        raise QueryError(f"one statement at a time: this has {len(found)}")
    kind = found[0].type
    if kind == duckdb.StatementType.MULTI:
        raise QueryError(
            "PIVOT needs its values: PIVOT speed ON quant IN ('Q4_0', 'Q8_0') USING ..."
        )
    if kind == duckdb.StatementType.SELECT:
        return
    if kind == duckdb.StatementType.EXPLAIN and _explains_select(connection, found[0].query):
        return
    raise QueryError(f"read-only: SELECT or EXPLAIN of a SELECT, not {kind.name}")
