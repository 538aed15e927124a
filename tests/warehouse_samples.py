"""Rows for the tests of the warehouse: complete, with what a test cares about overridden."""

from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from warehouse import rows
from warehouse.lock import Holder
from warehouse.store import Warehouse, create

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def holder(what: str = "demo") -> Holder:
    return Holder(pid=4321, host="alpha", what=what, since=START)


def warehouse(root: Path) -> Warehouse:
    create(root)
    return Warehouse(root)


def _axes(cell_id: str) -> dict[str, Any]:
    return {
        "cell_id": cell_id,
        "server_id": f"s{cell_id}",
        "model": "smollm2",
        "quant": "Q4_1",
        "context": 4096,
        "cache_k": "f16",
        "cache_v": "f16",
        "pairing": "cpu",
        "split": None,
        "split_mode": None,
        "engine": "default",
        "engine_build": "b1",
        "engine_sha256": "e5",
        "model_sha256": None,
        "workload": "speed",
        "workload_config": "{}",
        "server_config": "{}",
        "other_axes": "{}",
        "hardware_class": "laptop",
    }


def sweep(sweep_id: str = "w1", **changes: Any) -> rows.Sweep:
    values: dict[str, Any] = {
        "sweep_id": sweep_id,
        "name": "demo",
        "command": "+sweep=demo",
        "config": "{}",
        "code_version": "0.1.0",
        "started_at": START,
    }
    return rows.Sweep(**{**values, **changes})


def planned(cell_id: str, **changes: Any) -> rows.PlannedCell:
    values = {
        **_axes(cell_id),
        "sweep_id": "w1",
        "decision": "run",
        "reason": None,
        "plan_order": 1,
        "host_id": "alpha",
        "predicted_s": 12.5,
        "predicted_tg_tok_s": None,
    }
    return rows.PlannedCell(**{**values, **changes})


def cell(cell_id: str, attempt: int = 1, **changes: Any) -> rows.Cell:
    values = {
        **_axes(cell_id),
        "attempt": attempt,
        "sweep_id": "w1",
        "launch_id": "l1",
        "host_id": "alpha",
        "status": "ok",
        "failure_class": None,
        "reason": None,
        "started_at": at(10),
        "ended_at": at(20),
        "valid_trials": 1,
        "invalid_trials": 0,
    }
    return rows.Cell(**{**values, **changes})


def trial(cell_id: str, attempt: int = 1, **changes: Any) -> rows.Trial:
    values: dict[str, Any] = {
        "cell_id": cell_id,
        "attempt": attempt,
        "step": "tg32",
        "kind": "tg",
        "depth": 0,
        "repetition": 1,
        "run_order": 1,
        "prompt_n_asked": 1,
        "predicted_n_asked": 32,
        "prompt_n": 1,
        "cache_n": 0,
        "predicted_n": 32,
        "prompt_ms": 5.0,
        "predicted_ms": 800.0,
        "ttft_ms": 6.0,
        "total_ms": 810.0,
        "inter_token_p50_ms": 25.0,
        "inter_token_p95_ms": None,
        "inter_token_p99_ms": None,
        "pp_tok_s": None,
        "tg_tok_s": 38.75,
        "valid": True,
        "invalid_reason": None,
        "clock_min_mhz": None,
        "temperature_max_c": None,
        "power_mean_w": None,
        "throttle_reasons": None,
        "energy_j": None,
        "energy_reason": "no GPU",
        "started_at": at(11),
        "ended_at": at(12),
    }
    return rows.Trial(**{**values, **changes})


def load_step(cell_id: str, streams: int, **changes: Any) -> rows.LoadStep:
    values: dict[str, Any] = {
        "cell_id": cell_id,
        "attempt": 1,
        "step": f"streams{streams}",
        "streams": streams,
        "repetition": 1,
        "run_order": 1,
        "slots": 4,
        "requests": streams,
        "errors": 0,
        "busy_ms": 1000.0,
        "busy_n": 40,
        "total_tok_s": 40.0,
        "inter_token_p50_ms": 25.0,
        "inter_token_p95_ms": 30.0,
        "inter_token_p99_ms": 40.0,
        "valid": True,
        "invalid_reason": None,
        "started_at": at(11),
        "ended_at": at(12),
    }
    return rows.LoadStep(**{**values, **changes})


def request(cell_id: str, streams: int, **changes: Any) -> rows.Request:
    values: dict[str, Any] = {
        "cell_id": cell_id,
        "attempt": 1,
        "step": f"streams{streams}",
        "streams": streams,
        "repetition": 1,
        "stream": 1,
        "request": 1,
        "scheduled_at": at(11),
        "scheduled_ms": 0.0,
        "sent_ms": 0.1,
        "first_token_ms": 50.0,
        "last_token_ms": 900.0,
        "ended_ms": 901.0,
        "prompt_n_asked": 16,
        "predicted_n_asked": 32,
        "prompt_n": 16,
        "cache_n": 0,
        "predicted_n": 32,
        "prompt_ms": 45.0,
        "predicted_ms": 800.0,
        "queue_ms": 1.0,
        "ttft_ms": 50.0,
        "tg_tok_s": 38.75,
        "inter_token_p50_ms": 25.0,
        "inter_token_p95_ms": 30.0,
        "inter_token_p99_ms": 40.0,
        "error": None,
        "valid": True,
        "invalid_reason": None,
    }
    return rows.Request(**{**values, **changes})


def stability_round(cell_id: str, number: int, **changes: Any) -> rows.StabilityRound:
    values: dict[str, Any] = {
        "cell_id": cell_id,
        "attempt": 1,
        "round": number,
        "slots": 1,
        "slot_context": 4096,
        "fill_n_asked": 3687,
        "filled_n": 3687,
        "fill_pct": 3687 / 40.96,
        "predicted_n": 128,
        "pp_tok_s": 200.0,
        "tg_tok_s": 40.0,
        "rss_before_mib": 500.0,
        "rss_after_mib": 600.0,
        "private_before_mib": 300.0,
        "private_after_mib": 400.0,
        "vram_before_mib": None,
        "vram_after_mib": None,
        "truncated": False,
        "error": None,
        "valid": True,
        "invalid_reason": None,
        "started_at": at(11),
        "ended_at": at(12),
    }
    return rows.StabilityRound(**{**values, **changes})


def telemetry(cell_id: str, attempt: int = 1, **changes: Any) -> rows.Telemetry:
    values: dict[str, Any] = {
        "host_id": "alpha",
        "launch_id": "l1",
        "cell_id": cell_id,
        "attempt": attempt,
        "device": "host",
        "sampled_at": at(11),
        "cpu_pct": 180.0,
        "ram_used_mib": 900.0,
        "vram_used_mib": None,
        "utilisation_pct": None,
        "clock_mhz": 2400.0,
        "temperature_c": None,
        "power_w": None,
        "throttle_reasons": None,
    }
    return rows.Telemetry(**{**values, **changes})


def launch(launch_id: str = "l1", **changes: Any) -> rows.Launch:
    values: dict[str, Any] = {
        "launch_id": launch_id,
        "server_id": "sc1",
        "sweep_id": "w1",
        "host_id": "alpha",
        "devices": (),
        "command_line": ("llama-server", "-c", "4096"),
        "engine_build": "b1",
        "status": "ok",
        "failure_class": None,
        "reason": None,
        "exit_code": 0,
        "log_tail": "main: cleaning up before exit...",
        "log_path": None,
        "load_ms": 950.0,
        "page_cache_fraction": 1.0,
        "idle_power_w": None,
        "started_at": at(5),
        "ended_at": at(60),
    }
    return rows.Launch(**{**values, **changes})


def memory(launch_id: str, device: str, part: str, mib: float, source: str) -> rows.Memory:
    return rows.Memory(launch_id=launch_id, device=device, part=part, mib=mib, source=source)


def predicted(server_id: str, device: str, part: str, mib: float) -> rows.PredictedMemory:
    return rows.PredictedMemory(
        sweep_id="w1", server_id=server_id, device=device, part=part, mib=mib
    )


def host(**changes: Any) -> rows.Host:
    values: dict[str, Any] = {
        "host_id": "alpha",
        "seen_at": START,
        "hardware_class": "laptop",
        "cpu_model": "Some CPU",
        "cpu_physical_cores": 2,
        "cpu_logical_cores": 4,
        "ram_mib": 8192,
        "kernel": "6.1",
        "gpus": (),
        "driver": None,
        "cuda": None,
        "python": "3.11.7",
    }
    return rows.Host(**{**values, **changes})


def model(**changes: Any) -> rows.Model:
    values: dict[str, Any] = {
        "model_sha256": "41",
        "host_id": "alpha",
        "seen_at": START,
        "model": "smollm2",
        "quant": "Q4_1",
        "path": "/models/a.gguf",
        "size_bytes": 98_000_000,
        "architecture": "llama",
        "facts": None,
    }
    return rows.Model(**{**values, **changes})


def agent_run(cell_id: str, run: int, **changes: Any) -> rows.AgentRun:
    values: dict[str, Any] = dict.fromkeys(each.name for each in fields(rows.AgentRun))
    values |= {
        "cell_id": cell_id,
        "attempt": 1,
        "run": run,
        "suite": "herd",
        "task": f"task{run}",
        "variant": "a",
        "seed": 0,
        "level": "L1",
        "task_class": "weather lookup",
        "try_number": 1,
        "outcome": "success",
        "calls": 0,
        "calls_malformed": 0,
        "calls_invalid": 0,
        "calls_failed": 0,
        "calls_repeated": 0,
        "calls_recovered": 0,
        "steps": 2,
        "sessions": 1,
        "session": 1,
        "filler_depth": 0,
        "valid": True,
        "started_at": at(11),
        "ended_at": at(12),
    }
    return rows.AgentRun(**{**values, **changes})


def tool_call(cell_id: str, run: int, call: int, **changes: Any) -> rows.ToolCall:
    values: dict[str, Any] = {
        "cell_id": cell_id,
        "attempt": 1,
        "run": run,
        "turn": 1,
        "call": call,
        "tool": "web_fetch",
        "arguments": "{}",
        "malformed": None,
        "invalid_arguments": None,
        "error": None,
        "repeats": None,
        "recovered_by": None,
        "result_bytes": 100,
        "started_at": at(11),
        "ended_at": at(11.5),
    }
    return rows.ToolCall(**{**values, **changes})


def quality(cell_id: str, **changes: Any) -> rows.Quality:
    values: dict[str, Any] = dict.fromkeys(each.name for each in fields(rows.Quality))
    values |= {
        "cell_id": cell_id,
        "attempt": 1,
        "corpus": "wiki",
        "corpus_sha256": "c0",
        "chunk_context": 512,
        "chunks": 10,
        "perplexity": 12.5,
        "perplexity_se": 0.2,
        "valid": True,
        "started_at": at(11),
        "ended_at": at(12),
    }
    return rows.Quality(**{**values, **changes})
