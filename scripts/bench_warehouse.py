"""What questions, commits and compaction cost, beside the same rows in SQLite.

    python -m scripts.bench_warehouse [SECTION...]    compare small visible compact telemetry large

Generates warehouses in a temporary folder (`large`, of 10 million trials needs 3 GB and some
minutes). Prints a line a figure: median and best of five, in ms.
"""

import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import pyarrow as pa

from orchestrator.history import read_history
from scripts import generated_warehouse as generated
from warehouse.compaction import compact
from warehouse.connection import connect
from warehouse.storage import storage_at

TRIALS = 20
SAMPLES = 300


def timed(what: str, ask: Callable[[], object], times: int = 5) -> None:
    """Ask some times and print."""
    took, used = [], []
    for _ in range(times):
        start, cpu = time.perf_counter(), time.process_time()
        ask()
        took.append((time.perf_counter() - start) * 1e3)
        used.append((time.process_time() - cpu) * 1e3)
    print(
        f"{what}: median {median(took):.0f} ms, best {min(took):.0f} ms, "
        f"CPU of all cores {median(used):.0f} ms",
        flush=True,
    )


def opened(root: Path, sql: str) -> int:
    """Open, ask, close: what a command does."""
    with connect(root) as connection:
        return len(connection.query(sql))


COMPARE = "SELECT * FROM compare_hosts"
ONE_MODEL = (
    "SELECT * FROM compare_hosts WHERE model = 'llama-8b' AND quant = 'Q8_0' AND context = 16384 "
    "AND cache_k = 'f16'"
)
SQLITE_COMPARE = """
    SELECT model, quant, context, cache_k, other_axes, kind, prompt, hardware_class, avg(speed)
    FROM test GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
"""
SQLITE_ONE = SQLITE_COMPARE.replace(
    "FROM test",
    "FROM test WHERE model = 'llama-8b' AND quant = 'Q8_0' AND context = 16384 AND cache_k = 'f16'",
)


def bench_compare(folder: Path, trials: int, days: int, times: int = 5) -> None:
    """A comparison across hardware classes."""
    root = folder / f"compare{trials}"
    base = sqlite3.connect(folder / f"compare{trials}.sqlite")
    base.execute(
        "CREATE TABLE test (cell_id, model, quant, context, cache_k, other_axes, hardware_class, "
        "kind, prompt, speed)"
    )
    for cells in generated.cells_of_days(trials // TRIALS, days):
        rows, measured = generated.cell_rows(cells), generated.trial_rows(cells, TRIALS)
        generated.write_compacted(root, cells, {"cells": rows, "trials": measured})
        base.executemany("INSERT INTO test VALUES (?,?,?,?,?,?,?,?,?,?)", flat(rows, measured))
    base.commit()
    name = f"{trials} trials"
    timed(f"compare_hosts, {name}, whole view, opened anew", lambda: opened(root, COMPARE), times)
    with connect(root) as connection:
        timed(f"compare_hosts, {name}, whole view", lambda: connection.query(COMPARE), times)
        timed(
            f"compare_hosts, {name}, one configuration", lambda: connection.query(ONE_MODEL), times
        )
    timed(f"SQLite, {name}, all means", lambda: base.execute(SQLITE_COMPARE).fetchall(), times)
    timed(f"SQLite, {name}, means of one", lambda: base.execute(SQLITE_ONE).fetchall(), times)


def flat(cells: pa.Table, trials: pa.Table) -> Iterable[tuple[Any, ...]]:
    """Rows as llama-bench's table has them: a trial with all its axes."""
    axes = ["cell_id", "model", "quant", "context", "cache_k", "other_axes", "hardware_class"]
    repeated = [[v for v in cells[name].to_pylist() for _ in range(TRIALS)] for name in axes]
    speeds = zip(trials["tg_tok_s"].to_pylist(), trials["pp_tok_s"].to_pylist(), strict=True)
    speed = [tg if tg is not None else pp for tg, pp in speeds]
    return zip(
        *repeated, trials["kind"].to_pylist(), trials["prompt_n_asked"].to_pylist(), speed,
        strict=True,
    )  # fmt: skip


def small(root: Path, count: int, *, all_tables: bool) -> int:
    """So many cells, a file a table each."""
    (cells,) = generated.cells_of_days(count, 1)
    tables = {
        "cells": generated.cell_rows(cells),
        "trials": generated.trial_rows(cells, TRIALS),
    }
    if all_tables:
        tables |= {
            "telemetry": generated.telemetry_rows(cells, SAMPLES),
            "launches": generated.table_of("launches", count, {"launch_id": cells.ids}),
            "memory": generated.table_of("memory", count, {"launch_id": cells.ids}),
        }
    return generated.write_small(root, cells, tables)


def bench_small(folder: Path) -> None:
    """Questions to files that are not compacted."""
    for count in (500, 1000):
        root = folder / f"small{count}"
        files = small(root, count, all_tables=False)
        name = f"{files} uncompacted files ({count} cells)"
        timed(f"speed, {name}", partial(opened, root, "SELECT * FROM speed"))
        timed(f"compare_hosts, {name}", partial(opened, root, COMPARE))
        with connect(root) as connection:
            timed(f"speed again, {name}", partial(connection.query, "SELECT * FROM speed"))
        timed(f"history of a plan, {name}", partial(_history, root))


def _history(root: Path) -> None:
    with connect(root) as connection:
        read_history(connection)


def bench_compact(folder: Path) -> None:
    """Compaction of 10,000 files, in a process of its own."""
    root = folder / "compact"
    files = small(root, 2000, all_tables=True)
    child = [sys.executable, "-m", "scripts.bench_warehouse", "--compact", str(root)]
    done = subprocess.run(child, check=True, capture_output=True, text=True)
    print(f"compaction of {files} files: {done.stdout.strip()}", flush=True)
    timed("speed, the same compacted", lambda: opened(root, "SELECT * FROM speed"))


def compact_here(root: Path) -> None:
    """Compact, and say what it took."""
    start = time.perf_counter()
    done = compact(storage_at(root), lambda: datetime.now(UTC))
    seconds = time.perf_counter() - start
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    cpu = time.process_time()
    print(f"{seconds:.1f} s ({cpu:.1f} s of CPU), {done.rows} rows, at most {rss:.0f} MiB")


def bench_telemetry(folder: Path) -> None:
    """One cell of 10 million samples."""
    root = folder / "telemetry"
    base = sqlite3.connect(folder / "telemetry.sqlite")
    base.execute("CREATE TABLE telemetry (cell_id, device, sampled_at, power_w)")
    for cells in generated.cells_of_days(10_000_000 // SAMPLES, 20):
        samples = generated.telemetry_rows(cells, SAMPLES)
        tables = {"cells": generated.cell_rows(cells), "telemetry": samples}
        generated.write_compacted(root, cells, tables)
        wanted = samples.select(["cell_id", "device", "sampled_at", "power_w"])
        wanted = wanted.set_column(2, "sampled_at", wanted["sampled_at"].cast(pa.int64()))
        columns = (column.to_pylist() for column in wanted.columns)
        base.executemany("INSERT INTO telemetry VALUES (?,?,?,?)", zip(*columns, strict=True))
        one = cells.ids[0]
    base.commit()
    of_one = f"SELECT sampled_at, power_w FROM telemetry WHERE cell_id = '{one}'"
    timed("telemetry of one cell of 10 million rows, opened anew", lambda: opened(root, of_one))
    with connect(root) as connection:
        timed("telemetry of one cell of 10 million rows", lambda: connection.query(of_one))
    timed("SQLite, the same", lambda: base.execute(of_one).fetchall(), 3)


def bench_visible(folder: Path) -> None:
    """From the start of a commit to an answer that holds it, beside 1,000 uncompacted files."""
    root = folder / "visible"
    small(root, 500, all_tables=False)
    with connect(root) as connection:
        connection.query("SELECT * FROM speed")
        for number in range(5):
            (cells,) = generated.cells_of_days(600 + number, 1)
            last = generated.Cells(cells.day, cells.ids[-1:], cells.numbers[-1:])
            start = time.perf_counter()
            tables = {
                "trials": generated.trial_rows(last, TRIALS),
                "cells": generated.cell_rows(last),
            }
            generated.write_small(root, last, tables)
            connection.query("SELECT * FROM speed")
            print(f"a new cell visible after {(time.perf_counter() - start) * 1e3:.0f} ms")


def main(wanted: list[str]) -> None:
    """Run the sections."""
    if wanted[:1] == ["--compact"]:
        compact_here(Path(wanted[1]))
        return
    sections: dict[str, Callable[[Path], None]] = {
        "compare": lambda folder: bench_compare(folder, 100_000, 10),
        "small": bench_small,
        "visible": bench_visible,
        "compact": bench_compact,
        "telemetry": bench_telemetry,
        "large": lambda folder: bench_compare(folder, 10_000_000, 100, 2),
    }
    with tempfile.TemporaryDirectory() as name:
        for section in wanted or sections:
            sections[section](Path(name))


if __name__ == "__main__":
    main(sys.argv[1:])
