"""Time that the orchestrator adds per cell: everything but server start and requests.

A fake llama-server that starts at once and answers at once, one launch a cell, through a real
Ray actor and real Parquet. For each cell: the time from the commit before to its own commit,
less its server's start and its requests, all by the clock of the host.

    python scripts/bench_overhead.py [CELLS]
"""

import json
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from unittest.mock import patch

import psutil

from orchestrator.session import read_command
from orchestrator.sweep import run_sweep
from warehouse.connection import connect
from warehouse.store import Warehouse

FAKE = Path(__file__).parents[1] / "tests" / "fakes" / "llama_server.py"


def main() -> None:
    """Run a sweep of that many cells and print its times as JSON."""
    cells = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.gguf"
        model.write_bytes(b"GGUF fake")
        root = Path(folder) / "warehouse"
        contexts = f"range(1024,{1024 + 256 * cells},256)"
        command = read_command(
            [
                *("model=file", f"model.path={model}", "pairing=cpu", f"engine.binary={FAKE}"),
                *(f"warehouse.uri={root}", f"context={contexts}", "engine.threads=1"),
                *("workload.prompt_sizes=[128]", "workload.n_predict=8", "workload.repetitions=1"),
            ],
            None,
        )
        commits: list[float] = []
        commit = Warehouse.commit_cell

        def timed(self: Warehouse, *args: Any) -> None:
            commit(self, *args)
            commits.append(time.monotonic())

        cpu = psutil.Process()
        before, began = sum(cpu.cpu_times()[:2]), time.monotonic()
        with patch.object(Warehouse, "commit_cell", timed):
            run_sweep(command, force=False, wait=False, tell=print)
        used, wall = sum(cpu.cpu_times()[:2]) - before, time.monotonic() - began
        with connect(root) as connection:
            answer = connection.query(
                "select c.started_at, any_value(l.load_ms) as load_ms, sum(t.total_ms) as trial_ms "
                "from cells c join launches l using (launch_id) "
                "join trials t on t.cell_id = c.cell_id group by all order by c.started_at"
            ).to_pylist()
    gaps = [(b - a) * 1000 for a, b in pairwise(commits)]
    added = [g - r["load_ms"] - r["trial_ms"] for g, r in zip(gaps, answer[1:], strict=True)]
    cuts = quantiles(added, n=100)
    print(
        json.dumps(
            {
                "cells": cells,
                "added_ms_p50": round(median(added), 1),
                "added_ms_p95": round(cuts[94], 1),
                "start_ms_p50": round(median(r["load_ms"] for r in answer), 1),
                "requests_ms_p50": round(median(r["trial_ms"] for r in answer), 1),
                "whole_ms_p50": round(median(gaps), 1),
                "driver_cpu_ms_per_cell": round(used * 1000 / cells, 1),
                "wall_s": round(wall, 1),
            }
        )
    )


if __name__ == "__main__":
    main()
