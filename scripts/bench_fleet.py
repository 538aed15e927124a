"""The fleet on real Ray: hosts are network namespaces, servers are fakes that sleep. Needs root.

    python -m scripts.bench_fleet [PART...]

Parts, all of them by default, in some five minutes: `makespan` (2 and 8 hosts in up to three
classes with two GPUs each, one- and two-GPU pairings, a model that only one host has, durations
that nobody knows beforehand), `join` (from `ray start` on a prepared host to its first trial),
`cell` (time added to a cell over the network, beside that of an embedded Ray), `driver` (its CPU
and memory with 1, 2, 4 and 8 hosts), `add` (from `herd node add` on a host that has nothing to
its first trial; it needs debootstrap and its cached root). Prints JSON. Whatever ends it, nothing
of it is left.
"""

import json
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil

from orchestrator.fleet.bundle import parts
from orchestrator.fleet.ray_start import HEALTH_CHECK
from tests.conftest import GPUS
from tests.debian_host import DebianHost, skip_reason
from tests.fleet_user import User
from tests.herd_process import BINARY, Herd, until
from tests.netns import Lan, NetHost, lan
from tests.nodes import add_node, free_port
from tests.tiny_models import write_tiny
from workers.node import installer

CARDS = ("NVIDIA GeForce RTX 3060", "NVIDIA GeForce RTX 3090", "NVIDIA GeForce GTX 1080")
"""Of the classes."""
SPEEDS = (1.0, 0.8, 1.25)
TOKENS_S = (24.0, 16.0, 12.0, 8.0)
"""Of the engines: what makes durations differ."""
LIMIT_S = 240.0
UP = "Ray runtime started"
"""What Ray writes once a node is up."""
MODEL_BYTES = 16 * 2**20


def main() -> None:
    """Run the parts that were asked for."""
    known: dict[str, Callable[[], Any]] = {
        "makespan": makespans,
        "join": join,
        "cell": cell,
        "driver": driver,
        "add": add,
    }
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that all is cleaned up
    for name in sys.argv[1:] or list(known):
        load, began = psutil.getloadavg()[0], time.monotonic()
        found = known[name]()
        took_s = round(time.monotonic() - began)
        print(json.dumps({name: found, "took_s": took_s, "load_before": round(load, 1)}))


@contextmanager
def fleet(number: int) -> Iterator[Lan]:
    """So many hosts in up to three classes, none of them started."""
    with lan() as network:
        network.health = dict(HEALTH_CHECK)  # eight of them start at once on a few cores
        for index in range(number):
            _equip(network.host(chr(ord("a") + index)), index % min(3, number))
        yield network


def start_all(network: Lan) -> None:
    """One after the other: Ray gives up a start of its own that takes 30 s."""
    for label, host in network.hosts.items():
        network.start(label)
        until(partial(_is_up, host), LIMIT_S)
    network.register()


def _is_up(host: NetHost) -> bool:
    logs = (
        *host.folder.glob("state/herd/head/log.txt"),
        *host.folder.glob("data/herd/node/*/log.txt"),
    )
    return any(UP in log.read_text() for log in logs)


def _equip(host: NetHost, kind: int) -> None:
    """Two GPUs of its class, and engines that see them and have its speed."""
    card = CARDS[kind]
    host.own_env = {
        "PYTHONPATH": str(GPUS),
        "FAKE_GPUS": json.dumps([[card, 12288]] * 2),
        "FAKE_GPUS_OF": host.label,
    }
    devices = {f"CUDA{n}": [card, 12288, 12000] for n in (0, 1)}
    mounts = []
    for number, tok_s in enumerate(TOKENS_S):
        own = host.folder / f"engine{number}.json"
        own.write_text(json.dumps({"tg_tok_s": tok_s * SPEEDS[kind], "devices": devices}))
        common = _behaviour(host.lan, number)
        common.touch()
        mounts.append(f"mount --bind {own} {common}")
    host.before = "; ".join(mounts)


def _behaviour(network: Lan, number: int) -> Path:
    return network.folder / f"engine{number}.json"


@contextmanager
def user_of(network: Lan) -> Iterator[User]:
    """Somebody on the first host, with a warehouse of their own."""
    folder = Path(tempfile.mkdtemp(prefix="bench-fleet-"))
    made = User(folder, network)
    for number in range(len(TOKENS_S)):
        made.engine(f"e{number}", behaviour=str(_behaviour(network, number)))
    try:
        yield made
    finally:
        made.close()
        shutil.rmtree(folder, ignore_errors=True)


def start(user: User, *words: str) -> "subprocess.Popen[str]":
    """A sweep."""
    fixed = ("workload.prompt_sizes=[64]", "workload.repetitions=1", "fleet.rejoin_s=60")
    with (user.folder / "sweep.log").open("w") as log:
        process = subprocess.Popen(
            user.host.command(BINARY, "sweep", *fixed, *words),
            env=user.env,
            cwd=user.folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
        )
    user._started.append(process)
    return process


def contexts(number: int) -> str:
    """An axis of so many values."""
    return "context=" + ",".join(str(1024 + 256 * i) for i in range(number))


def makespans() -> dict[str, Any]:
    """Two hosts, then eight."""
    return {f"{hosts}_hosts": makespan(hosts, cells) for hosts, cells in ((2, 2), (8, 4))}


def makespan(number: int, cells: int) -> dict[str, Any]:
    """A sweep on so many hosts, against the least time that its launches can take."""
    with fleet(number) as network:
        start_all(network)
        with user_of(network) as user:
            _put_model(user)
            process = start(
                user, "model=big", "pairing=single,pair", "engine=e0,e1,e2,e3", contexts(cells),
                "workload.n_predict=24", "fleet.fetch=[peer]",
            )  # fmt: skip
            if process.wait(300) != 0:
                raise SystemExit(user.told())
            return _ratio(user)


def _put_model(user: User) -> None:
    content = bytes(MODEL_BYTES)
    user.model_entry("big", content)
    store = user.host.folder / "data" / "herd" / "models" / "big"
    store.mkdir(parents=True)
    (store / "big.gguf").write_bytes(content)


def _ratio(user: User) -> dict[str, Any]:
    """Each class has cells of its own, and no more hosts than it has."""
    rows = user.query(
        "select c.hardware_class, l.host_id, l.launch_id, min(l.started_at) as began, "
        "max(l.ended_at) as ended from launches l join cells c using (launch_id) group by all"
    )
    first = min(row["began"] for row in rows)
    work: defaultdict[str, float] = defaultdict(float)
    hosts: defaultdict[str, set[str]] = defaultdict(set)
    longest = 0.0
    for row in rows:
        seconds = (row["ended"] - row["began"]).total_seconds()
        work[row["hardware_class"]] += seconds
        hosts[row["hardware_class"]].add(row["host_id"])
        longest = max(longest, seconds)
    bound_s = max(longest, *(work[each] / len(hosts[each]) for each in work))
    took_s = (max(row["ended"] for row in rows) - first).total_seconds()
    failed = user.query("select 1 from cells where status <> 'ok'")
    return {
        "launches": len(rows),
        "classes": len(work),
        "failed": len(failed),
        "bound_s": round(bound_s, 1),
        "makespan_s": round(took_s, 1),
        "ratio": round(took_s / bound_s, 3),
    }


def join() -> dict[str, Any]:
    """Three hosts, one after the other, into a sweep that waits for hosts."""
    with fleet(4) as network:
        network.start("a")
        network.register("a")
        with user_of(network) as user:
            start(
                user, "model=file", f"model.path={user.model_file()}", "pairing=single",
                "engine=e0", contexts(40), "workload.n_predict=24", "fleet.wait_for_nodes=true",
            )  # fmt: skip
            until(lambda: "cells" in user.told(), LIMIT_S)
            found = []
            for label in "bcd":
                began = time.time()
                network.start(label)
                found.append(_first_trial(user, label) - began)
                network.hosts[label].kill()
            return {"first_trial_s": [round(each, 1) for each in found],
                    "median_s": round(statistics.median(found), 1)}  # fmt: skip


def _first_trial(user: Herd, label: str) -> float:
    """When the first trial on a host began, seconds since 1970."""
    sql = (
        "select epoch(min(t.started_at)) as at from trials t join cells c using (cell_id, attempt) "
        f"where c.host_id = '{label}'"
    )

    def seen() -> Any:
        there = list(user.warehouse.glob("cells/*/*.parquet"))
        return user.query(sql)[0]["at"] if there else None

    return float(until(seen, LIMIT_S))


def cell(cells: int = 60) -> dict[str, Any]:
    """Time added to a cell on another host, then on this one by an embedded Ray."""
    with fleet(2) as network:
        start_all(network)
        network.register("a")
        with user_of(network) as user:
            user.engine("fake")
            process = start(
                user, "model=file", f"model.path={user.model_file()}", "pairing=cpu",
                "engine=fake", contexts(cells), "workload.n_predict=8",
            )  # fmt: skip
            if process.wait(300) != 0:
                raise SystemExit(user.told())
            network_ms = _added_ms(user)
    script = Path(__file__).with_name("bench_overhead.py")
    done = subprocess.run(
        [sys.executable, script, str(cells)], capture_output=True, text=True, check=True
    )
    embedded = json.loads(done.stdout.splitlines()[-1])
    return {
        "cells": cells,
        "network_p50_ms": round(statistics.median(network_ms), 1),
        "network_p95_ms": round(statistics.quantiles(network_ms, n=20)[-1], 1),
        "embedded_p50_ms": embedded["added_ms_p50"],
        "embedded_p95_ms": embedded["added_ms_p95"],
    }


def _added_ms(user: User) -> list[float]:
    """From one cell's commit to the next, less its server's start and its requests."""
    rows = user.query(
        "select c.cell_id, any_value(l.load_ms) + sum(t.total_ms) as own_ms from cells c "
        "join launches l using (launch_id) join trials t on t.cell_id = c.cell_id group by all"
    )
    own = {row["cell_id"]: row["own_ms"] for row in rows}
    files = user.warehouse.glob("cells/*/*.parquet")
    commits = sorted((file.stat().st_mtime_ns / 1e6, file.name.split(".")[0]) for file in files)
    return [after - before - own[cell_id] for (before, _), (after, cell_id) in pairwise(commits)]


def driver() -> dict[str, Any]:
    """Sweeps with long cells on 1, 2, 4 and 8 hosts; the driver's own process alone."""
    found = {}
    with fleet(8) as network:
        start_all(network)
        for number in (1, 2, 4, 8):
            labels = list(network.hosts)
            network.register(*labels[number:])
            with user_of(network) as user:
                found[f"{number}_hosts"] = _looked_at(user, network, labels[:number])
    return found


def _looked_at(user: User, network: Lan, labels: Sequence[str], seconds: float = 8) -> Any:
    process = start(
        user, "model=file", f"model.path={user.model_file()}", "pairing=single", "engine=e3",
        contexts(8), "workload.n_predict=400",
    )  # fmt: skip
    until(lambda: all(network.hosts[label].servers() for label in labels), LIMIT_S)
    time.sleep(3)  # warm-up
    ours = psutil.Process(process.pid)
    before = sum(ours.cpu_times()[:2])
    time.sleep(seconds)
    used = sum(ours.cpu_times()[:2]) - before
    pss = ours.memory_full_info().pss
    return {"cpu_pct": round(100 * used / seconds, 2), "pss_mib": round(pss / 2**20)}


def add() -> dict[str, Any]:
    """A Debian root in namespaces of its own; what is sent there is packed beforehand."""
    reason = skip_reason()
    if reason is not None:
        return {"skipped": reason}
    for part in parts():
        part.packed()
    folder = Path(tempfile.mkdtemp(prefix="bench-fleet-"))
    user, box = Herd(folder), DebianHost(folder, "box", 60)
    try:
        box.start()
        model = write_tiny(folder / "tiny.gguf", "qwen2")
        box.copy(model, str(model))
        began = time.time()
        added = add_node(user, box, "--head-port", free_port())
        added_s = time.time() - began
        listed = json.loads(user.run("node", "list", "--format", "json").stdout)
        own = next(node["node"] for node in listed if node["node"] != "box")
        user.run("node", "drain", own)
        swept = user.start(
            "sweep", "model=file", f"model.path={model}", "pairing=cpu", "context=512",
            "workload.prompt_sizes=[32]", "workload.n_predict=4", "workload.repetitions=1",
        )  # fmt: skip
        first = _first_trial(user, "box") - began
        swept.wait(LIMIT_S)
        return {"node_add_s": round(added_s, 1), "first_trial_s": round(first, 1),
                "ok": added.returncode == 0}  # fmt: skip
    finally:
        user.run("node", "remove", "box", "--force", timeout_s=200)
        installer.stop(folder / "state" / "herd" / "head")
        user.close()
        box.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
