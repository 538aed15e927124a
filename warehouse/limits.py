"""A question within limits: its time, and what its answer may hold."""

import threading
from concurrent.futures import Future, wait
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from warehouse.errors import QueryError, StuckQueryError
from warehouse.statements import first_line

_BATCH_ROWS = 100_000
_GRACE_S = 5.0
"""DuckDB looks for an interrupt between chunks of rows; not within one call of a function."""
_AGAIN_S = 0.1


@dataclass(frozen=True, slots=True)
class Limits:
    """What a question may cost."""

    memory_mib: int | None = None
    """Memory of DuckDB, and of the answer, MiB; None leaves DuckDB its 80 % of the host's."""
    timeout_s: float | None = None
    """Time until the answer is there, s; None is no limit."""


UNLIMITED = Limits()


def run(connection: duckdb.DuckDBPyConnection, sql: str, limits: Limits) -> pa.Table:
    """The answer to a statement that was checked.

    DuckDB heeds no signal: it runs in a thread of its own, so that Ctrl-C stops it.

    Raises:
        QueryError: it costs more than it may.
        StuckQueryError: it took longer than it may, and did not stop when told to.
        duckdb.Error: it failed.
    """
    future: Future[pa.Table] = Future()
    asking = (future, connection, sql, limits)
    threading.Thread(target=_fulfil, args=asking, daemon=True).start()
    try:
        done = wait([future], limits.timeout_s).done
    except KeyboardInterrupt:
        _stop(connection, future)
        raise
    if not done:
        _stop(connection, future)
        raise QueryError(
            f"stopped after {limits.timeout_s:g} s: narrow the question, or give it more time "
            "(--timeout, warehouse.sql_timeout_s)"
        )
    return future.result()


def _fulfil(
    future: Future[pa.Table], connection: duckdb.DuckDBPyConnection, sql: str, limits: Limits
) -> None:
    try:
        future.set_result(_read(connection, sql, limits))
    except BaseException as error:  # noqa: BLE001 - handed to who waits, all of it
        future.set_exception(error)


def _stop(connection: duckdb.DuckDBPyConnection, future: Future[pa.Table]) -> None:
    """Interrupt until it ends: an interrupt before the start is lost."""
    for _ in range(round(_GRACE_S / _AGAIN_S)):
        connection.interrupt()
        if wait([future], _AGAIN_S).done:
            return
    raise StuckQueryError("one call of a function runs on and cannot be stopped: herd ends with it")


def _read(connection: duckdb.DuckDBPyConnection, sql: str, limits: Limits) -> pa.Table:
    """The rows, batch by batch: DuckDB's own limit of memory does not count them."""
    batches = []
    held = 0
    try:
        with connection.sql(sql).to_arrow_reader(_BATCH_ROWS) as reader:
            for batch in reader:
                batches.append(batch)
                held += batch.nbytes
                if limits.memory_mib is not None and held > limits.memory_mib << 20:
                    raise QueryError(
                        f"the answer is larger than {limits.memory_mib} MiB: add a limit, or "
                        "raise warehouse.sql_memory_mib"
                    )
            return pa.Table.from_batches(batches, reader.schema)
    except duckdb.OutOfMemoryException as error:
        raise QueryError(
            f"{first_line(error)}: narrow the question, or raise warehouse.sql_memory_mib"
        ) from error
