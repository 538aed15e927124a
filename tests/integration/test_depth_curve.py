"""Depth curves: on a fake server whose speeds are known, and on the real one with each memory."""

import threading
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from tests.launches import cells_of, launch, rows_of
from tests.servers import Servers
from tests.tiny_models import write_tiny
from warehouse import rows
from workers.contract import CellDone
from workers.engine.client import Client
from workers.engine.config import EngineConfig
from workers.engine.log import window_cells
from workers.workloads.base import Bench, Measured
from workers.workloads.depth_curve import workload as workload_module
from workers.workloads.depth_curve.config import DepthCurveConfig
from workers.workloads.depth_curve.workload import DepthCurve

FakeServer = Callable[..., EngineConfig]
PP, TG, PP_SLOWER, TG_SLOWER = 200_000.0, 4000.0, 0.5, 0.25
LAW = {"pp_tok_s": PP, "tg_tok_s": TG, "pp_slower": PP_SLOWER, "tg_slower": TG_SLOWER}
CURVE = DepthCurveConfig(
    depths=[0, 1000, "50%", 6000], tail=256, n_predict=16, min_repetitions=3, max_repetitions=3
)
CONTEXT, CONTEXT_OF_TINY = 8192, 2048


def one_cell(engine: EngineConfig, model: Path, folder: Path, config: DepthCurveConfig) -> CellDone:
    (cell,) = cells_of(launch(engine, model, folder, config, context=CONTEXT))
    return cell


def by_step(cell: CellDone, kind: str) -> dict[int, list[rows.Trial]]:
    found: dict[int, list[rows.Trial]] = {}
    for trial in cell.trials:
        if trial.kind == kind and not trial.step.endswith("-again"):
            found.setdefault(trial.depth, []).append(trial)
    return found


class TestKnownSpeeds:
    """Of the fake: a token takes its time times 1 + slower x (thousands in the cache)."""

    def test_recovered_at_every_depth(
        self, fake_server: FakeServer, any_model: Path, tmp_path: Path
    ) -> None:
        config = DepthCurveConfig(
            depths=CURVE.depths, tail=256, n_predict=16, min_repetitions=7, max_repetitions=7
        )
        engine = fake_server(**LAW, jitter_pct=0.5, seed=1)
        cell = one_cell(engine, any_model, tmp_path, config)
        assert cell.status == "ok"
        assert all(trial.valid for trial in cell.trials)
        generation, prompt = by_step(cell, "tg"), by_step(cell, "pp")
        assert sorted(generation) == sorted(prompt) == [0, 1000, 4096, 6000]
        for depth, trials in generation.items():
            # 16 tokens later it is slower by less than 0.4 %
            true = TG / (1 + TG_SLOWER * depth / 1000)
            assert median(t.tg_tok_s or 0 for t in trials) == pytest.approx(true, rel=0.01)
        for depth, trials in prompt.items():
            true = PP / (1 + PP_SLOWER * (depth + 256 / 2) / 1000)
            assert median(t.pp_tok_s or 0 for t in trials) == pytest.approx(true, rel=0.02)

    def test_the_prefill_curve_is_free(
        self, fake_server: FakeServer, any_model: Path, tmp_path: Path
    ) -> None:
        law = {**LAW, "pp_tok_s": 20_000.0}
        cell = one_cell(fake_server(**law), any_model, tmp_path, CURVE)
        batches = rows_of(cell, rows.Prefill)
        # the prompts of the first repetition are part of the prefix
        assert [(b.depth, b.prompt_n) for b in batches] == [
            *((0, 256), (256, 744), (1000, 256)),
            *((1256, 2048), (3304, 792), (4096, 256), (4352, 1648)),
        ]
        for batch in batches:
            middle = batch.depth + batch.prompt_n / 2
            true = 20_000 / (1 + PP_SLOWER * middle / 1000)
            whole_ms = 1 / batch.prompt_ms
            assert batch.pp_tok_s == pytest.approx(true, rel=0.02 + whole_ms)

    def test_repeated_until_the_medians_are_known(
        self, fake_server: FakeServer, any_model: Path, tmp_path: Path
    ) -> None:
        config = DepthCurveConfig(
            depths=[0, 1000], tail=32, n_predict=8, min_repetitions=2, max_repetitions=9
        )
        quiet = one_cell(fake_server(**LAW), any_model, tmp_path, config)
        assert len(quiet.trials) == 2 * 2 * 2
        noisy = one_cell(fake_server(**LAW, jitter_pct=20), any_model, tmp_path, config)
        assert 2 * 2 * 2 < len(noisy.trials) <= 2 * 2 * 9


def test_repetitions_run_over_all_depths_in_a_stored_order(
    fake_server: FakeServer, any_model: Path, tmp_path: Path
) -> None:
    cell = one_cell(fake_server(**LAW), any_model, tmp_path, CURVE)
    assert [trial.run_order for trial in cell.trials] == list(range(1, 25))
    for repetition in (1, 2, 3):
        now = [(t.kind, t.depth) for t in cell.trials if t.repetition == repetition]
        assert sorted(now) == [(kind, d) for kind in ("pp", "tg") for d in (0, 1000, 4096, 6000)]
        # full attention goes back: downwards one restore is enough for a round
        upwards = [0, 0, 1000, 1000, 4096, 4096, 6000, 6000]
        assert [depth for _, depth in now] == (upwards if repetition == 1 else upwards[::-1])
    kinds = {tuple(t.kind for t in cell.trials if t.repetition == n) for n in (1, 2, 3)}
    assert len(kinds) > 1
    (run,) = rows_of(cell, rows.DepthRun)
    assert (run.interleaved, run.restored, run.reason) == (True, True, None)
    # 5000 bytes and 1000 a token, as the fake says
    assert run.slot_file_mib == pytest.approx(6_005_000 / 2**20)


def test_a_cache_that_lies_makes_trials_invalid(
    fake_server: FakeServer, any_model: Path, tmp_path: Path
) -> None:
    """The probe and the warm-up are answered truly, trials are not."""
    engine = fake_server(**LAW, cache_n_lie=7, lie_from=6)
    cell = one_cell(engine, any_model, tmp_path, CURVE)
    assert {(t.kind, t.depth) for t in cell.trials} == {
        (kind, depth) for kind in ("pp", "tg") for depth in (0, 1000, 4096, 6000)
    }
    for trial in cell.trials:
        assert trial.valid is False
        assert trial.invalid_reason == f"cache_n is {trial.depth + 7}, asked for {trial.depth}"
        assert trial.cache_n == trial.depth + 7
    assert len(cell.trials) == 8, "what cannot be proven is not tried again"


def test_without_room_for_all_files_depths_ascend(
    fake_server: FakeServer,
    any_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(workload_module, "room_mib", lambda bench: 5.0)
    cell = one_cell(fake_server(**LAW), any_model, tmp_path, CURVE)
    (run,) = rows_of(cell, rows.DepthRun)
    assert (run.interleaved, run.restored) == (False, False)
    assert run.reason == "slot files take 6 MiB, there is room for 5"
    own = [trial for trial in cell.trials if not trial.step.endswith("-again")]
    assert [trial.depth for trial in own] == sorted([0, 1000, 4096, 6000] * 6)
    assert all(trial.valid for trial in cell.trials)
    assert [t.step for t in cell.trials[-2:]] == ["pp256-again", "tg16-again"]
    assert run.processed_n == run.least_n


def test_a_hybrid_without_room_for_all_files_keeps_one(
    engine: EngineConfig,
    servers: Servers,
    tiny: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Files of lfm2 are some 1 KiB a token: 0.6, 0.7 and 1.2 MiB here."""
    monkeypatch.setattr(workload_module, "room_mib", lambda bench: 1.3)
    curve = Curve(engine, servers, tiny("lfm2"))
    assert (curve.run.interleaved, curve.run.restored) == (False, True)
    curve.check_proofs()
    assert curve.run.processed_n == curve.run.least_n
    assert list(curve.server.slot_folder.iterdir()) == []


def test_a_generation_that_a_window_cannot_take_fails_the_cell(
    real_engine: EngineConfig, tiny: Callable[[str], Path], tmp_path: Path
) -> None:
    config = DepthCurveConfig(depths=[0, 1024], n_predict=600)
    cell = one_cell(real_engine, tiny("gemma3"), tmp_path, config)
    assert cell.failure is not None
    assert "set workload.n_predict to 511 at most" in cell.failure.reason


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    folder = tmp_path_factory.mktemp("tiny")
    return lambda name: write_tiny(folder / f"{name}.gguf", name)


@pytest.fixture
def engine(real_engine: EngineConfig) -> EngineConfig:
    """One thread: what is tested is counts, and several wait for each other on a busy host."""
    return replace(real_engine, threads=1, poll=0, ubatch_size=128)


class Curve:
    """A curve on a real server that is still there to be asked."""

    def __init__(self, engine: EngineConfig, servers: Servers, model: Path) -> None:
        self.server = servers.make(engine, model, context=CONTEXT_OF_TINY)
        self.server.start()
        self.config = DepthCurveConfig(
            depths=[0, 700, "45%", 1500],
            tail=128,
            n_predict=8,
            min_repetitions=2,
            max_repetitions=2,
        )
        with self.client() as client:
            self.found = list(DepthCurve(self.config).run(self.bench(client, engine)))
        self.trials = [each for each in self.found if isinstance(each, Measured)]
        (self.run,) = (each for each in self.found if isinstance(each, rows.DepthRun))

    def client(self) -> Client:
        return Client(self.server.base_url, self.server.api_key, request_timeout_s=60)

    def bench(self, client: Client, engine: EngineConfig) -> Bench:
        values: dict[str, Any] = {
            "cell_id": "c",
            "attempt": 1,
            "client": client,
            "context": CONTEXT_OF_TINY,
            "server_context": CONTEXT_OF_TINY,
            "batch_size": engine.batch_size,
            "ubatch_size": engine.ubatch_size,
            "checkpoints": bool(engine.ctx_checkpoints),
            "window_cells": window_cells(self.server.log_lines()),
            "slot_folder": self.server.slot_folder,
            "base_url": self.server.base_url,
            "api_key": self.server.api_key,
            "request_timeout_s": 60.0,
            "model_path": Path(),
            "folder": self.server.slot_folder,
            "cancelled": threading.Event(),
            "memory_now": None,
        }
        return Bench(**values)

    def prompt_tokens(self) -> int:
        """Prompt tokens that the server says it processed in all its life."""
        request = urllib.request.Request(
            f"{self.server.base_url}/metrics",
            headers={"Authorization": f"Bearer {self.server.api_key}"},
        )
        with urllib.request.urlopen(request) as answer:
            lines = answer.read().decode().splitlines()
        (line,) = (each for each in lines if each.startswith("llamacpp:prompt_tokens_total "))
        return int(float(line.split()[1]))

    def check_proofs(self) -> None:
        for each in self.trials:
            timings = each.completion.answer.timings
            assert timings.cache_n == each.asked.depth, each.asked
            assert timings.prompt_n == each.asked.prompt_n

    def least(self, *, probe: int, warm_up: int) -> int:
        """What could not have come from any cache."""
        deepest = max(each.asked.depth for each in self.trials)
        prompts = sum(each.asked.prompt_n for each in self.trials)
        if self.run.interleaved:
            # of the first repetition, all but the deepest are part of the prefix
            prompts -= 3 * self.config.tail
        return probe + warm_up + deepest + prompts


PROBES = {"llama": 66, "qwen3next": 98, "lfm2": 98}
"""Prompt tokens of the probe: 32, 32, 1, and one more after 32, which a hybrid begins anew."""

WARM_UP = 512
"""A batch of the test's engine."""


@pytest.mark.parametrize("name", PROBES)
def test_restored_depths_are_proven_and_nothing_is_prefilled_twice(
    name: str, engine: EngineConfig, servers: Servers, tiny: Callable[[str], Path]
) -> None:
    """Full attention, and two hybrids that cannot go back at all."""
    curve = Curve(engine, servers, tiny(name))
    assert (curve.run.interleaved, curve.run.sliding_window) == (True, False)
    assert {each.asked.depth for each in curve.trials} == {0, 700, 921, 1500}
    assert len(curve.trials) == 2 * 4 * 2
    curve.check_proofs()
    assert curve.prompt_tokens() == curve.least(probe=PROBES[name], warm_up=WARM_UP)
    assert curve.run.processed_n == curve.run.least_n
    assert list(curve.server.slot_folder.iterdir()) == []


def test_a_sliding_window_is_proven_in_place(
    engine: EngineConfig, servers: Servers, tiny: Callable[[str], Path]
) -> None:
    curve = Curve(engine, servers, tiny("gemma3"))
    assert (curve.run.interleaved, curve.run.sliding_window) == (False, True)
    # of 768 cells; trials of 127 at 700 and 1500 would wrap round
    assert {each.asked.depth for each in curve.trials} == {0, 768 - 127, 921, 2 * 768 - 127}
    assert {each.asked.step for each in curve.trials} == {
        *("pp127", "tg8", "pp127-again", "tg8-again")
    }
    curve.check_proofs()
    # of the probe's requests none goes on from the one before: 32, 64, 65 and 33
    assert curve.prompt_tokens() == curve.least(probe=194, warm_up=512)
    assert curve.run.processed_n == curve.run.least_n


@pytest.mark.parametrize("name", ["llama", "qwen3next"])
def test_checkpoints_are_measured_by_extension(
    name: str, engine: EngineConfig, servers: Servers, tiny: Callable[[str], Path]
) -> None:
    curve = Curve(replace(engine, ctx_checkpoints=32), servers, tiny(name))
    assert curve.run.reason == "context checkpoints are on: measured by extension, as deployed"
    curve.check_proofs()
    assert curve.run.processed_n == curve.run.least_n


def test_a_second_prefill_shows(
    engine: EngineConfig,
    servers: Servers,
    tiny: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Restores that lose the state: trials are invalid, and the count is above the least."""
    monkeypatch.setattr(Client, "restore", _erases_from_the_third_on())
    curve = Curve(engine, servers, tiny("lfm2"))
    lost = [each for each in curve.trials if each.completion.answer.timings.cache_n == 0]
    assert any(each.asked.depth for each in lost)
    assert curve.run.processed_n > curve.run.least_n
    assert curve.prompt_tokens() > curve.least(probe=98, warm_up=WARM_UP)


def _erases_from_the_third_on() -> Callable[..., int]:
    restore, calls = Client.restore, iter(range(1000))

    def broken(self: Client, name: str, slot: int = 0) -> int:
        return self.erase(slot) if next(calls) >= 2 else restore(self, name, slot)

    return broken
