"""CPU that the driver takes while a cell is measured, in percent of one core.

A fake llama-server generates slowly, so that one cell lasts SECONDS; the driver's own process is
looked at from the first token on. Ray's processes are told apart.

    python scripts/bench_driver_cpu.py [SECONDS]
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import psutil

FAKE = Path(__file__).parents[1] / "tests" / "fakes" / "llama_server.py"


def main() -> None:
    """Run a sweep of one long cell, look at its processes, print shares as JSON."""
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.gguf"
        model.write_bytes(b"GGUF fake")
        behaviour = json.dumps({"tg_tok_s": 50})
        command = [
            *(str(Path(sys.executable).parent / "herd"), "sweep", "model=file"),
            *(f"model.path={model}", "pairing=cpu", f"engine.binary={FAKE}", "engine.threads=1"),
            *(f"+engine.env.FAKE_LLAMA='{behaviour}'", f"warehouse.uri={folder}/warehouse"),
            *("workload.prompt_sizes=[64]", f"workload.n_predict={50 * (seconds + 10)}"),
            *("workload.repetitions=1", "context=32k"),
        ]
        driver = subprocess.Popen(
            command, env={**os.environ, "TMPDIR": folder}, stdout=subprocess.DEVNULL
        )
        pause = threading.Event()
        try:
            ours = psutil.Process(driver.pid)
            while not any("--ctx-size" in p.cmdline() for p in ours.children(recursive=True)):
                pause.wait(0.2)
            pause.wait(5)  # the server starts and warms up
            before = {p: sum(p.cpu_times()[:2]) for p in (ours, *ours.children(recursive=True))}
            pause.wait(seconds)
            used = {p: sum(p.cpu_times()[:2]) - was for p, was in before.items()}
        finally:
            driver.kill()
            driver.wait()
    shares = {"driver_pct": used.pop(ours) / seconds * 100}
    for process, cpu_s in used.items():
        shares[f"{process.pid}_pct"] = cpu_s / seconds * 100
    print(json.dumps({key: round(value, 2) for key, value in shares.items()}))


if __name__ == "__main__":
    main()
