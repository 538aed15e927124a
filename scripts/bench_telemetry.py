"""Measure what telemetry costs: CPU of the sampler, and generation speed with and without it.

    python scripts/bench_telemetry.py [--seconds 20]
    python scripts/bench_telemetry.py --server PATH --model GGUF [--devices CUDA0,CUDA1]
        [--threads N] [--predict 256] [--pairs 30]

The first samples this process and every GPU. The second starts that llama-server and generates in
pairs, once with the sampler and once without it, in an order drawn for each pair; the ratio of
speeds and its 95 % interval (bootstrap over the pairs) are what it costs.
"""

import argparse
import os
import random
import tempfile
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import psutil

from workers.engine.build import probe
from workers.engine.client import Client
from workers.engine.config import EngineConfig
from workers.engine.flags import server_arguments
from workers.engine.process import LlamaServer
from workers.gpu import Nvml
from workers.spans import HOST
from workers.telemetry import Sampler
from workers.trials import generation_rate
from workers.workloads.prompts import random_prompt

PROMPT = 64
GOAL_PCT = 0.5


def main() -> None:
    """Print the cost that the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--server")
    parser.add_argument("--model")
    parser.add_argument("--devices", default="", help="as the engine names them; none is the CPU")
    parser.add_argument("--threads", type=int, default=psutil.cpu_count(logical=False) or 1)
    parser.add_argument("--context", type=int, default=4096)
    parser.add_argument("--predict", type=int, default=256)
    parser.add_argument("--pairs", type=int, default=30)
    asked = parser.parse_args()
    if not asked.server:
        cpu_cost(asked.seconds)
        return
    devices = tuple(filter(None, asked.devices.split(",")))
    with tempfile.TemporaryDirectory() as folder:
        engine = EngineConfig(binary=asked.server, threads=asked.threads)
        server = start(engine, asked.model, asked.context, devices, Path(folder))
        try:
            report(pairs(server, len(devices), asked.pairs, asked.predict))
        finally:
            server.stop()


def cpu_cost(seconds: float) -> None:
    """Sample this process for some seconds and print the CPU time that it took."""
    nvml = Nvml()
    start_s, start_cpu_s = time.monotonic(), time.process_time()
    with Sampler(os.getpid(), nvml.uuids, nvml) as sampler:
        time.sleep(seconds)
    wall_s, cpu_s = time.monotonic() - start_s, time.process_time() - start_cpu_s
    ticks = sum(sample.device == HOST for sample in sampler.samples)
    print(f"GPUs sampled: {len(nvml.uuids)}")
    print(f"samples a second: {ticks / wall_s:.1f}")
    print(f"CPU of a sample: {cpu_s / ticks * 1e6:.0f} us")
    print(f"CPU of the sampler: {cpu_s / wall_s * 100:.2f} % of one core")


def start(
    engine: EngineConfig, model: str, context: int, devices: tuple[str, ...], folder: Path
) -> LlamaServer:
    """A ready llama-server, its weights even over the devices."""
    build = probe(engine.binary)
    arguments = server_arguments(
        engine,
        model_path=model,
        context=context,
        cache_k="f16",
        cache_v="f16",
        devices=devices,
        tensor_split=tuple(1.0 for _ in devices),
        known_flags=build.known_flags,
    )
    server = LlamaServer(build, engine, arguments, log_path=folder / "log", run_dir=folder / "run")
    server.start()
    return server


def pairs(server: LlamaServer, gpus: int, count: int, predict: int) -> list[tuple[float, float]]:
    """Generation speeds (with the sampler, without), tok/s, after a pair that does not count."""
    nvml = Nvml()
    uuids = nvml.uuids[:gpus]
    print(f"GPUs sampled: {len(uuids)}")
    found = []
    with Client(server.base_url, server.api_key, request_timeout_s=600) as client:
        n_vocab, bos = client.vocabulary_size(), client.bos_tokens()
        draw = random.Random(0)
        for number in range(count + 1):
            prompt = random_prompt(PROMPT, n_vocab=n_vocab, bos=bos, seed=str(number))
            speeds = {}
            for sampled in draw.sample((True, False), 2):
                watch = Sampler(server.pid, uuids, nvml) if sampled else nullcontext()
                client.erase()
                with watch:
                    done = client.complete(prompt, n_predict=predict, cache_prompt=True, seed=0)
                speeds[sampled] = generation_rate(done.answer.timings) or float("nan")
            found.append((speeds[True], speeds[False]))
    return found[1:]


def report(found: Sequence[tuple[float, float]]) -> None:
    """Print medians, the ratio of speeds with its interval, and whether the goal is shown."""
    speeds = np.array(found)
    logs = np.log(speeds[:, 0] / speeds[:, 1])
    draws = np.random.default_rng(0).choice(logs, (10_000, len(logs)))
    low, high = np.exp(np.percentile(draws.mean(axis=1), [2.5, 97.5]))
    print(f"tg with the sampler: median {np.median(speeds[:, 0]):.2f} tok/s")
    print(f"tg without it: median {np.median(speeds[:, 1]):.2f} tok/s")
    print(f"ratio: {np.exp(logs.mean()):.4f}, 95 % interval {low:.4f} to {high:.4f}")
    limit = 1 - GOAL_PCT / 100
    if low >= limit:
        verdict = "met"
    else:
        verdict = "missed" if high < limit else "not shown: more pairs, or a quieter host"
    print(f"goal, a cost of at most {GOAL_PCT} %: {verdict}")


if __name__ == "__main__":
    main()
