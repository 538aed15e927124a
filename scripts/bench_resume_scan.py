"""Time of the resume scan over 10,000 measured cells (figure: at most 1 s).

    python scripts/bench_resume_scan.py

Writes empty files with the names of committed cells, spread over ten days, into a temporary
folder; the scan reads names only. Prints the median and the worst of five scans.
"""

import tempfile
import time
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from statistics import median

from warehouse.layout import SUFFIX, cell_stem, folder
from warehouse.ledger import Attempt
from warehouse.store import read_ledger

CELLS = 10_000
DAYS = 10


def prepare(root: Path) -> list[str]:
    """Make the files; returns the ids of the cells."""
    ids = [sha256(str(number).encode()).hexdigest()[:16] for number in range(CELLS)]
    for number, cell_id in enumerate(ids):
        day = root / folder("cells", datetime.now(UTC) - timedelta(days=number % DAYS))
        day.mkdir(parents=True, exist_ok=True)
        failure = "oom_load" if number % 7 == 0 else None
        attempt = Attempt(cell_id, 1, "failed" if failure else "ok", failure)
        (day / f"{cell_stem(attempt)}{SUFFIX}").touch()
    return ids


def scan(root: Path, ids: list[str]) -> float:
    """Seconds from nothing known to a decision for every cell."""
    start = time.perf_counter()
    ledger = read_ledger(root)
    cached = sum(ledger.cached(cell_id) is not None for cell_id in ids)
    elapsed = time.perf_counter() - start
    if cached != CELLS:
        raise SystemExit(f"only {cached} of {CELLS} cells were found")
    return elapsed


def main() -> None:
    """Run the benchmark."""
    with tempfile.TemporaryDirectory() as name:
        ids = prepare(Path(name))
        times = [scan(Path(name), ids) for _ in range(5)]
    print(
        f"resume scan of {CELLS} cells: median {median(times) * 1e3:.0f} ms, "
        f"worst {max(times) * 1e3:.0f} ms"
    )


if __name__ == "__main__":
    main()
