"""A depth curve by herd and by llama-bench, side by side: wall time and speeds.

Both get the same model, depths, repetitions and flags; starting and stopping the server counts.
herd goes first, since a sliding window may move a depth a little, and then llama-bench takes the
depths and the prompt size that were measured.

    python scripts/bench_depth_curve.py MODEL --server BIN --bench BIN [--depths 0,4096,...]
"""

import argparse
import json
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from warehouse import rows
from workers.contract import CellDone, CellRequest, LaunchReady, LaunchRequest, ModelFile
from workers.engine.build import EngineBuild, probe
from workers.engine.config import EngineConfig
from workers.executor import run_launch
from workers.gpu import Nvml
from workers.workloads.depth_curve.config import DepthCurveConfig

Speeds = dict[tuple[str, int], float]
"""Median tok/s by kind and depth."""


@dataclass(frozen=True)
class Curve:
    """One curve of one of the two."""

    speeds: Speeds
    wall_s: float
    tail: int
    parts: dict[str, float]
    """Seconds by what they went into."""


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--server", required=True, help="llama-server")
    parser.add_argument("--bench", required=True, help="llama-bench of the same build")
    parser.add_argument("--depths", default="0,12.5%,25%,37.5%,50%,62.5%,75%,87.5%")
    parser.add_argument("--context", type=int, default=8192)
    parser.add_argument("--cache", default="f16/f16", help="K/V")
    parser.add_argument("--tail", type=int, default=512)
    parser.add_argument("--n-predict", type=int, default=64)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=1, help="both tools in turn, so often")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=2048)
    parser.add_argument("--ubatch", type=int, default=512)
    parser.add_argument("--cpu", action="store_true", help="leave the GPUs alone")
    return parser.parse_args()


def main() -> None:
    """Run both, print what came out."""
    args = arguments()
    build = probe(args.server)
    devices = () if args.cpu else tuple(device.name for device in build.devices)
    print(f"build {build.text}; devices: {', '.join(devices) or 'CPU'}")
    both = []
    for _ in range(args.rounds):
        ours = by_herd(args, build, devices)
        print(f"herd {ours.wall_s:.1f} s", flush=True)  # llama-bench takes long, and may be cut off
        both.append((ours, by_llama_bench(args, devices, ours)))
    report(both)


def by_herd(args: argparse.Namespace, build: EngineBuild, devices: tuple[str, ...]) -> Curve:
    """A launch with one cell, as a sweep runs it."""
    cache_k, cache_v = args.cache.split("/")
    config = DepthCurveConfig(
        depths=[int(d) if d.isdecimal() else d for d in args.depths.split(",")],
        tail=args.tail,
        n_predict=args.n_predict,
        min_repetitions=args.repetitions,
        max_repetitions=args.repetitions,
    )
    engine = EngineConfig(
        binary=args.server, threads=args.threads, batch_size=args.batch, ubatch_size=args.ubatch
    )
    request = LaunchRequest(
        launch_id="launch",
        server_id="server",
        sweep_id="sweep",
        host_id="host",
        model=ModelFile(str(args.model), None),
        context=args.context,
        cache_k=cache_k,
        cache_v=cache_v,
        devices=devices,
        gpu_uuids=(),
        tensor_split=(1.0,) * len(devices) if len(devices) > 1 else (),
        engine=engine,
        engine_build=build.text,
        cells=(CellRequest("cell", 1, config),),
    )
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        began = time.monotonic()
        events = run_launch(
            request,
            find_build=lambda _: build,
            run_dir=Path(folder),
            cancelled=threading.Event(),
            nvml=Nvml(),
        )
        load_s, cell, cell_s = 0.0, None, 0.0
        for event in events:
            if isinstance(event, LaunchReady):
                load_s = time.monotonic() - began
            elif isinstance(event, CellDone):
                cell, cell_s = event, time.monotonic() - began - load_s
        wall_s = time.monotonic() - began
    if cell is None or cell.failure:
        raise SystemExit(f"no curve: {cell.failure if cell else 'nothing came back'}")
    return _curve(cell, load_s, cell_s, wall_s)


def _curve(cell: CellDone, load_s: float, cell_s: float, wall_s: float) -> Curve:
    invalid = [trial for trial in cell.trials if not trial.valid]
    for trial in invalid:
        print(f"invalid: {trial.step} @ {trial.depth}: {trial.invalid_reason}")
    own = [t for t in cell.trials if t.valid and not t.step.endswith("-again")]
    found: dict[tuple[str, int], list[float]] = {}
    for trial in own:
        found.setdefault((trial.kind, trial.depth), []).append(
            trial.pp_tok_s or trial.tg_tok_s or 0
        )
    (run,) = (row for row in cell.evidence if isinstance(row, rows.DepthRun))
    print(f"herd: interleaved {run.interleaved}, restored {run.restored}, {run.reason or ''}")
    print(f"prompt tokens processed {run.processed_n}, least {run.least_n}")
    spent = {kind: _seconds(cell.trials, kind) for kind in ("pp", "tg")}
    parts = {
        "start": load_s,
        "fill": run.fill_ms / 1000,
        "save": run.save_ms / 1000,
        "restore": run.restore_ms / 1000,
        **spent,
        "stop": wall_s - load_s - cell_s,
    }
    parts["rest"] = wall_s - sum(parts.values())
    tail = max(trial.prompt_n_asked or 0 for trial in own)
    return Curve({key: median(each) for key, each in found.items()}, wall_s, tail, parts)


def _seconds(trials: Sequence[rows.Trial], kind: str) -> float:
    return sum(trial.total_ms or 0 for trial in trials if trial.kind == kind) / 1000


def by_llama_bench(args: argparse.Namespace, devices: tuple[str, ...], ours: Curve) -> Curve:
    """The same steps by llama-bench, with its own figures."""
    cache_k, cache_v = args.cache.split("/")
    depths = sorted({depth for _, depth in ours.speeds})
    gpus = ["-ngl", "999", "-sm", "layer", "-dev", "/".join(devices)] if devices else []
    if len(devices) > 1:
        gpus += ["-ts", "/".join("1" for _ in devices)]
    command = [
        *(args.bench, "-m", str(args.model), "-o", "jsonl", "-fa", "1"),
        *("-p", str(ours.tail), "-n", str(args.n_predict), "-d", ",".join(map(str, depths))),
        *("-r", str(args.repetitions), "-t", str(args.threads)),
        *("-b", str(args.batch), "-ub", str(args.ubatch), "-ctk", cache_k, "-ctv", cache_v),
        *(gpus or ["-ngl", "0", "-dev", "none"]),
    ]
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wall_s = time.monotonic() - began
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr[-2000:]}")
    speeds: Speeds = {}
    for line in done.stdout.splitlines():
        row = json.loads(line)
        kind = "pp" if row["n_prompt"] else "tg"
        speeds[kind, row["n_depth"]] = median(row["samples_ts"])
    return Curve(speeds, wall_s, ours.tail, {})


def report(both: Sequence[tuple[Curve, Curve]]) -> None:
    """Wall times with their parts, then differences paired by round and depth."""
    for ours, theirs in both:
        parts = ", ".join(f"{name} {seconds:.1f}" for name, seconds in ours.parts.items())
        print(
            f"herd {ours.wall_s:.1f} s ({parts}); llama-bench {theirs.wall_s:.1f} s; "
            f"ratio {ours.wall_s / theirs.wall_s:.2f}"
        )
    print(f"{'step':>7} {'depth':>8} {'herd':>10} {'bench':>10} {'difference of each round, %'}")
    for kind, depth in sorted(both[0][0].speeds):
        key = kind, depth
        ours_now = [ours.speeds[key] for ours, _ in both if key in ours.speeds]
        pairs = [(o.speeds[key], b.speeds[key]) for o, b in both if key in o.speeds]
        off = " ".join(f"{100 * (mine / other - 1):+.1f}" for mine, other in pairs)
        name = f"{kind}{both[0][0].tail}" if kind == "pp" else kind
        bench = median(other for _, other in pairs)
        print(f"{name:>7} {depth:>8} {median(ours_now):>10.1f} {bench:>10.1f} {off}")


if __name__ == "__main__":
    main()
