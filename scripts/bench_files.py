"""How fast a model file goes from host to host, and the memory that its movers take.

    python scripts/bench_files.py [MIB]

Raylets on this machine stand for hosts: two object stores, two movers and the hash are real, the
network is loopback, and both files lie on one disk.
"""

import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil

from orchestrator.fleet.fetch_job import Policy
from orchestrator.fleet.files import Cannot, Files, Ready
from workers.contract import ModelFile
from workers.models.config import ModelConfig, ModelFileConfig
from workers.models.fetching import Wanted

MIB = 2**20
_BLOCK_MIB = 64


def main() -> None:
    """Copy a file and tell."""
    size_mib = int(sys.argv[1]) if len(sys.argv) > 1 else 1024
    os.environ["RAY_AUTH_MODE"] = "token"  # Ray reads it when it is imported
    from tests.raylets import raylets

    with tempfile.TemporaryDirectory() as folder, raylets("alpha", "beta") as hosts:
        os.environ["XDG_STATE_HOME"] = folder
        file = written(Path(folder) / "alpha" / "m" / "m.gguf", size_mib)
        files = Files(Policy())
        files.joined("alpha", hosts.node_id("alpha"), [file], f"{folder}/alpha")
        files.joined("beta", hosts.node_id("beta"), [], f"{folder}/beta")
        seconds, peaks = copied(files, file, lambda: hosts.movers("alpha") + hosts.movers("beta"))
        files.close()
    print(f"{size_mib} MiB from host to host in {seconds:.1f} s: {size_mib / seconds:.0f} MiB/s")
    print("most memory of a mover: " + ", ".join(f"{peak / MIB:.0f} MiB" for peak in peaks))


def written(path: Path, size_mib: int) -> ModelFile:
    """A file of noise."""
    path.parent.mkdir(parents=True)
    digest = hashlib.sha256()
    block = np.random.default_rng(1).bytes(_BLOCK_MIB * MIB)
    with path.open("wb") as out:
        for number in range(size_mib // _BLOCK_MIB):
            block = number.to_bytes(8, "little") + block[8:]
            out.write(block)
            digest.update(block)
    return ModelFile(str(path), digest.hexdigest(), path.stat().st_size)


def copied(
    files: Files, file: ModelFile, movers: Callable[[], list[psutil.Process]]
) -> tuple[float, list[int]]:
    """Seconds from the first chunk written to the file's end, and each mover's peak, bytes."""
    listed = ModelFileConfig(file="m.gguf", sha256=file.sha256)
    model = ModelConfig(name="m", files={"F16": listed})
    wanted = Wanted(model, "F16", file.sha256, file.size_bytes, "m.gguf")
    peaks: dict[int, int] = {}
    began = None
    while not isinstance(state := files.need_file("beta", wanted), Ready):
        if isinstance(state, Cannot):
            raise SystemExit(state.reason)
        files.step()
        time.sleep(0.05)
        for mover in movers():
            private = mover.memory_info().rss - mover.memory_info().shared
            peaks[mover.pid] = max(peaks.get(mover.pid, 0), private)
        moving = any(each.done_bytes for each in files.fetching().values())
        began = began or (time.monotonic() if moving else None)
    if began is None:
        raise SystemExit("it went too fast to be timed: name more MiB")
    return time.monotonic() - began, list(peaks.values())


if __name__ == "__main__":
    main()
