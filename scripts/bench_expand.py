"""Time to expand and identify 10,000 cells, and to compose what they are made of.

python scripts/bench_expand.py
"""

import json
import time
from statistics import median

from orchestrator.plan import make_plan
from orchestrator.session import read_command
from orchestrator.this_host import look_at
from warehouse.ledger import Ledger

COMMAND = (
    "model=smollm2-135m",
    "quant=Q4_1,Q8_0,Q4_0,Q5_0",
    "context=range(1024,26625,1024)",
    "cache=f16/f16,q8_0/q8_0,q8_0/q4_0,q4_0/q4_0,q5_1/q5_1",
    "engine.ubatch_size=64,128,256,512",
    "workload.n_predict=32,64,128,256,512",
    "pairing=cpu",
)
RUNS = 3


def main() -> None:
    """Print seconds as JSON: medians of RUNS."""
    expand_s, plan_s = [], []
    for _ in range(RUNS):
        began = time.perf_counter()
        command = read_command(COMMAND, None)
        expanded = time.perf_counter()
        host, cells, _ = look_at(command.config, command.cells)
        seen = time.perf_counter()
        plan = make_plan(cells, [host], Ledger(), force=False)
        expand_s.append(expanded - began)
        plan_s.append(time.perf_counter() - seen)
    figures = {
        "cells": len(plan.cells),
        "expand_s": round(median(expand_s), 2),
        "identify_and_plan_s": round(median(plan_s), 2),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
