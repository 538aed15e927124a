"""A question within limits: its time, and what its answer may hold."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import TypeVar

import duckdb
import pyarrow as pa

from warehouse.errors import QueryError, StuckQueryError

T = TypeVar("T")

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


def run(connection: duckdb.DuckDBPyConnection, work: Callable[[], T], limits: Limits) -> T:
    """Do what asks DuckDB, in a thread of its own: DuckDB heeds no signal, so Ctrl-C ends it here.

    Raises:
        QueryError: it took longer than it may.
        StuckQueryError: and did not stop when told to.
    """
    future: Future[T] = Future()
    threading.Thread(target=_fulfil, args=(future, work), daemon=True).start()
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


def _fulfil(future: Future[T], work: Callable[[], T]) -> None:
    try:
        future.set_result(work())
    except BaseException as error:  # noqa: BLE001 - handed to who waits, all of it
        future.set_exception(error)


def _stop(connection: duckdb.DuckDBPyConnection, future: Future[T]) -> None:
    """Interrupt until it ends: an interrupt before the start is lost."""
    for _ in range(round(_GRACE_S / _AGAIN_S)):
        connection.interrupt()
        if wait([future], _AGAIN_S).done:
            return
    raise StuckQueryError("one call of a function runs on, and DuckDB cannot stop it: herd ends")


def read_answer(relation: duckdb.DuckDBPyRelation, limits: Limits) -> pa.Table:
    """The rows of a relation, batch by batch: DuckDB's own limit does not count them.

    Raises:
        QueryError: they are more than may be held.
    """
    reader = relation.to_arrow_reader(_BATCH_ROWS)
    batches = []
    held = 0
    for batch in reader:
        batches.append(batch)
        held += batch.nbytes
        if limits.memory_mib is not None and held > limits.memory_mib << 20:
            raise QueryError(
                f"the answer is larger than {limits.memory_mib} MiB: add a limit, or raise "
                "warehouse.sql_memory_mib"
            )
    return pa.Table.from_batches(batches, reader.schema)
