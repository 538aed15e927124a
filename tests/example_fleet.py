"""The warehouse that `docs/queries.md` asks: February's record, and a generated fleet beside it.

Every generated row says `generated` as its source, where its table has one. Its numbers follow
formulas with a seeded scatter: they tell what answers look like, nothing of real hardware.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from tests import warehouse_samples as sample
from tests.imports import import_files
from tests.warehouse_samples import at
from warehouse import rows
from warehouse.imports.record import shipped_records
from warehouse.storage import Place
from warehouse.store import Warehouse, create

MODEL = "qwen3-coder-next-reap-40b-a3b"
SOURCE = "generated"
CONFIG = '{"tariff": {"per_kwh": 0.30, "currency": "EUR"}}'


@dataclass(frozen=True, slots=True)
class _Host:
    name: str
    hardware_class: str
    gpus: tuple[str, ...]
    tg_tok_s: float
    power_w: float


@dataclass(frozen=True, slots=True)
class _Quant:
    name: str
    size_gib: float
    speed: float
    perplexity: float
    success_pct: int


@dataclass(frozen=True, slots=True)
class _Cache:
    k: str
    v: str
    kib_per_token: float
    speed: float
    perplexity: float


_HOSTS = (
    _Host("box", "example 2x RTX 3060", ("RTX 3060", "RTX 3060"), 22.5, 190.0),
    _Host("tower", "example RTX 4090", ("RTX 4090",), 68.0, 310.0),
)
_QUANTS = (
    _Quant("Q2_K_XL", 17.7, 0.94, 9.41, 70),
    _Quant("i1-IQ3_M", 16.95, 1.0, 8.72, 86),
)
_CACHES = (
    _Cache("f16", "f16", 24, 1.0, 0.0),
    _Cache("q8_0", "q4_0", 9.75, 0.985, 0.03),
    _Cache("q4_0", "q4_0", 6.75, 0.97, 0.21),
)
_CONTEXTS = (65536, 131072, 262144)
_DEPTHS = (0, 16384, 50001, 101817)
_TASKS = ("weather lookup", "browser automation", "web research", "coding")


@dataclass(frozen=True, slots=True)
class _Server:
    """A point of the matrix on a host."""

    host: _Host
    quant: _Quant
    cache: _Cache
    context: int
    number: int

    @property
    def launch_id(self) -> str:
        return f"launch{self.number}"

    @property
    def fits(self) -> bool:
        return self.kv_mib < 4000

    @property
    def kv_mib(self) -> float:
        return self.context * self.cache.kib_per_token / 1024

    @property
    def tg_tok_s(self) -> float:
        return self.host.tg_tok_s * self.quant.speed * self.cache.speed

    def axes(self, workload: str, config: str = "{}") -> dict[str, Any]:
        return {
            "cell_id": f"{workload}-{self.number}",
            "server_id": f"server{self.number}",
            "model": MODEL,
            "quant": self.quant.name,
            "context": self.context,
            "cache_k": self.cache.k,
            "cache_v": self.cache.v,
            "pairing": "all",
            "engine_build": "11434",
            "model_sha256": self.quant.name,
            "workload": workload,
            "workload_config": config,
            "hardware_class": self.host.hardware_class,
        }

    def cell(self, workload: str, **changes: Any) -> rows.Cell:
        values = self.axes(workload)
        values |= {"host_id": self.host.name, "launch_id": self.launch_id, "source": SOURCE}
        values |= {"sweep_id": "example", "started_at": self.start, "ended_at": self.start}
        return sample.cell(**{**values, **changes})

    @property
    def start(self) -> Any:
        return at(600 * self.number)


def build(place: Place) -> None:
    """Write the warehouse; the same rows each time."""
    build_fleet(place)
    build_record(place)


def build_record(place: Place) -> None:
    """February's record alone."""
    create(place)
    import_files(place, *shipped_records())


def build_fleet(place: Place) -> None:
    """The generated fleet alone."""
    create(place)
    store = Warehouse(place)
    scatter = random.Random(20260214)
    servers = list(_servers())
    store.write_sweep(
        sample.sweep("example", name="example", command="+sweep=example", config=CONFIG),
        [_planned(server) for server in servers],
        (),
        [_host(host) for host in _HOSTS],
        [_model(quant) for quant in _QUANTS],
    )
    for server in servers:
        store.write_launch(_launch(server), _memory(server) if server.fits else ())
        _commit(store, server, scatter)
    store.write_calibration([_calibration(host) for host in _HOSTS])


def _servers() -> Iterator[_Server]:
    number = 0
    for host in _HOSTS:
        for quant in _QUANTS:
            for cache in _CACHES:
                for context in _CONTEXTS:
                    number += 1
                    yield _Server(host, quant, cache, context, number)


def _commit(store: Warehouse, server: _Server, scatter: random.Random) -> None:
    if not server.fits:
        failed = {"status": "failed", "failure_class": "oom_load", "valid_trials": 0}
        reason = "CUDA0: cannot allocate the KV cache"
        store.commit_cell(server.cell("speed", reason=reason, **failed))
        return
    speed = server.cell("speed", valid_trials=10, invalid_trials=server.number % 2)
    store.commit_cell(speed, list(_speed_trials(server, speed.cell_id, scatter)))
    if server.context != 131072 or server.cache.k == "f16":
        return
    quality = server.cell("perplexity")
    store.commit_cell(quality, [_quality(server, quality.cell_id)])
    if server.cache.v != "q4_0" or server.cache.k != "q8_0":
        return
    curve = server.cell("depth_curve")
    store.commit_cell(curve, list(_depth_trials(server, curve.cell_id, scatter)))
    full = server.cell("stability")
    store.commit_cell(full, [_round(server, full.cell_id, number) for number in (1, 2)])
    streams = server.cell("concurrency")
    store.commit_cell(streams, *_streams(server, streams.cell_id))
    agent = server.cell("agent")
    store.commit_cell(agent, list(_agent_runs(server, agent.cell_id, scatter)))


def _planned(server: _Server) -> rows.PlannedCell:
    planned = sample.planned(
        **server.axes("speed"), sweep_id="example", host_id=server.host.name,
        plan_order=server.number, predicted_tg_tok_s=None,
    )  # fmt: skip
    if server.fits:
        return planned
    short = server.kv_mib - 4000
    return replace(planned, note=f"all: {short:.0f} MiB may lack")


def _host(host: _Host) -> rows.Host:
    gpus = tuple(
        rows.Gpu(
            index, f"NVIDIA GeForce {name}", f"GPU-{index}", f"0{index}:00", 12288, 3, 16, None
        )
        for index, name in enumerate(host.gpus)
    )
    return sample.host(
        host_id=host.name, hardware_class=host.hardware_class, gpus=gpus, source=SOURCE
    )


def _model(quant: _Quant) -> rows.Model:
    return sample.model(
        model_sha256=quant.name, host_id="box", model=MODEL, quant=quant.name,
        path=f"{MODEL}.{quant.name}.gguf", size_bytes=int(quant.size_gib * 2**30),
        architecture="qwen3next", source=SOURCE,
    )  # fmt: skip


def _launch(server: _Server) -> rows.Launch:
    return sample.launch(
        server.launch_id,
        server_id=f"server{server.number}",
        sweep_id="example",
        host_id=server.host.name,
        devices=tuple(f"CUDA{index}" for index in range(len(server.host.gpus))),
        command_line=(
            "llama-server", "--ctx-size", str(server.context), "--cache-type-k", server.cache.k,
            "--cache-type-v", server.cache.v, "--flash-attn", "on",
        ),
        engine_build="11434",
        status="ok" if server.fits else "failed",
        failure_class=None if server.fits else "oom_load",
        log_tail="" if server.fits else "ggml_backend_cuda_buffer_type_alloc_buffer: failed",
        load_ms=21_000.0 + 100 * server.number if server.fits else None,
        page_cache_fraction=1.0 if server.number % 3 else 0.0,
        idle_power_w=30.0,
        started_at=server.start,
        ended_at=server.start + timedelta(minutes=9),
        source=SOURCE,
    )  # fmt: skip


def _memory(server: _Server) -> list[rows.Memory]:
    shared = len(server.host.gpus)
    parts = {"weights": server.quant.size_gib * 1024, "kv": server.kv_mib, "compute": 420.0}
    return [
        sample.memory(server.launch_id, f"CUDA{index}", part, mib / shared, "log")
        for index in range(shared)
        for part, mib in parts.items()
    ]


def _speed_trials(server: _Server, cell_id: str, scatter: random.Random) -> Iterator[rows.Trial]:
    for repetition in range(1, 6):
        yield _tg(server, cell_id, 0, repetition, scatter)
        yield _pp(server, cell_id, 0, repetition, scatter)
    if server.number % 2:
        hot = _tg(server, cell_id, 0, 6, scatter)
        yield replace(hot, valid=False, invalid_reason="throttled", tg_tok_s=0.7 * server.tg_tok_s)


def _depth_trials(server: _Server, cell_id: str, scatter: random.Random) -> Iterator[rows.Trial]:
    for depth in _DEPTHS:
        for repetition in range(1, 4):
            yield _tg(server, cell_id, depth, repetition, scatter)
            yield _pp(server, cell_id, depth, repetition, scatter)


def _tg(
    server: _Server, cell_id: str, depth: int, repetition: int, scatter: random.Random
) -> rows.Trial:
    tok_s = server.tg_tok_s / (1 + depth / 220_000) * scatter.gauss(1, 0.006)
    seconds = 127 / tok_s
    return sample.trial(
        cell_id, step="tg128", kind="tg", depth=depth, repetition=repetition,
        predicted_n_asked=128, predicted_n=128, cache_n=depth, predicted_ms=1000 * seconds,
        total_ms=1000 * seconds + 60, inter_token_p50_ms=1000 / tok_s, tg_tok_s=tok_s,
        power_mean_w=server.host.power_w, energy_j=server.host.power_w * seconds,
        energy_reason=None, energy_source="counter", source=SOURCE,
    )  # fmt: skip


def _pp(
    server: _Server, cell_id: str, depth: int, repetition: int, scatter: random.Random
) -> rows.Trial:
    tok_s = 14 * server.tg_tok_s / (1 + depth / 90_000) * scatter.gauss(1, 0.01)
    return sample.trial(
        cell_id, step="pp512", kind="pp", depth=depth, repetition=repetition, prompt_n_asked=512,
        prompt_n=512, predicted_n_asked=1, predicted_n=1, cache_n=depth,
        prompt_ms=512_000 / tok_s, ttft_ms=512_000 / tok_s + 4, total_ms=512_000 / tok_s + 5,
        pp_tok_s=tok_s, tg_tok_s=None, source=SOURCE,
    )  # fmt: skip


def _quality(server: _Server, cell_id: str) -> rows.Quality:
    return sample.quality(
        cell_id, perplexity=server.quant.perplexity + server.cache.perplexity,
        perplexity_se=0.07, chunks=200,
    )  # fmt: skip


def _round(server: _Server, cell_id: str, number: int) -> rows.StabilityRound:
    filled = server.context * 9 // 10
    speed = server.tg_tok_s / (1 + filled / 220_000)
    growth = 96.0 if server.quant.name == "Q2_K_XL" and number == 2 else 0.0
    return sample.stability_round(
        cell_id, number, slot_context=server.context, fill_n_asked=filled, filled_n=filled,
        fill_pct=90.0, tg_tok_s=speed, pp_tok_s=8 * speed, vram_before_mib=19_000.0,
        vram_after_mib=19_100.0 + growth,
    )  # fmt: skip


def _streams(server: _Server, cell_id: str) -> tuple[list[rows.LoadStep], list[rows.Request]]:
    steps, requests = [], []
    for streams, gain in ((1, 1.0), (2, 1.7), (4, 2.3), (8, 2.35)):
        total = server.tg_tok_s * gain
        steps.append(sample.load_step(cell_id, streams, slots=8, total_tok_s=total))
        requests += [
            sample.request(
                cell_id, streams, stream=stream, tg_tok_s=total / streams,
                ttft_ms=400.0 * streams / gain + 10 * stream,
                inter_token_p50_ms=1000 * streams / total,
            )
            for stream in range(1, streams + 1)
        ]  # fmt: skip
    return steps, requests


def _agent_runs(server: _Server, cell_id: str, scatter: random.Random) -> Iterator[rows.Row]:
    number = 0
    for task_class in _TASKS:
        for task in range(5):
            for attempt in (1, 2):
                number += 1
                good = scatter.uniform(0, 100) < server.quant.success_pct - 15 + 15 * attempt
                yield _agent_run(server, cell_id, number, task_class, task, attempt, good)
                yield sample.tool_call(
                    cell_id, number, 1, malformed=None if good or task % 2 else "broken_json"
                )
                if good:
                    break


def _agent_run(
    server: _Server, cell_id: str, run: int, task_class: str, task: int, attempt: int, good: bool
) -> rows.AgentRun:
    german = task == 3
    overclaimed = not good and task_class == "browser automation"
    return sample.agent_run(
        cell_id, run, task=f"{task_class} {task}", task_class=task_class,
        level="L3" if task_class == "coding" else "L1", try_number=attempt,
        outcome="success" if good else "failure", claimed=good or overclaimed,
        overclaimed=overclaimed, overclaimed_effect="file sent" if overclaimed else None,
        language_asked="de" if german else "en",
        language_given="en" if german and not good else "de" if german else "en",
        predicted_n=900, thinking_n=200, context_start_n=1500, context_end_n=6000 + 500 * task,
        tg_tok_s=server.tg_tok_s * 0.95, full_prefills=0,
    )  # fmt: skip


def _calibration(host: _Host) -> rows.Calibration:
    return rows.Calibration(
        calibration_id=f"noise-{host.name}", kind="a_a", calibrated_at=at(0), host_id=host.name,
        hardware_class=host.hardware_class, engine_build="11434", engine_sha256="e5",
        bench_build=None, server_id="server2", cell_ids=("speed-2",), launch_ids=(),
        bench_launch_ids=(), metric="tg", step="tg128", depth=0, launches=5,
        tok_s=host.tg_tok_s, between_sd_pct=0.8, within_sd_pct=0.5, floor_pct=3.1,
        difference_pct=None, low_pct=None, high_pct=None, verdict=None,
    )  # fmt: skip
