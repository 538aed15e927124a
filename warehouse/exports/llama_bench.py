"""Steps of cells in llama-bench's SQLite schema, which its compare-llama-bench.py reads.

The script matches two builds where all its key fields are equal, and null equals nothing: what
herd does not know of a field has llama-bench's default.
"""

import json
import re
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path, PureWindowsPath
from statistics import fmean, stdev
from typing import Any

from warehouse.connection import Connection

FIELDS: Mapping[str, str] = {
    "build_commit": "TEXT", "build_number": "INTEGER", "cpu_info": "TEXT", "gpu_info": "TEXT",
    "backends": "TEXT", "model_filename": "TEXT", "model_type": "TEXT", "model_size": "INTEGER",
    "model_n_params": "INTEGER", "n_batch": "INTEGER", "n_ubatch": "INTEGER",
    "n_threads": "INTEGER", "cpu_mask": "TEXT", "cpu_strict": "INTEGER", "poll": "INTEGER",
    "type_k": "TEXT", "type_v": "TEXT", "n_gpu_layers": "INTEGER", "n_cpu_moe": "INTEGER",
    "split_mode": "TEXT", "main_gpu": "INTEGER", "no_kv_offload": "INTEGER",
    "flash_attn": "INTEGER", "tensor_split": "TEXT", "tensor_buft_overrides": "TEXT",
    "load_mode": "TEXT", "embeddings": "INTEGER", "no_op_offload": "INTEGER",
    "fit_target": "INTEGER", "fit_min_ctx": "INTEGER", "n_prompt": "INTEGER", "n_gen": "INTEGER",
    "n_depth": "INTEGER", "test_time": "TEXT", "avg_ns": "INTEGER", "stddev_ns": "INTEGER",
    "avg_ts": "REAL", "stddev_ts": "REAL",
}  # fmt: skip
"""Field -> type, in the order of build 11434's script."""

_STEPS = """
WITH steps AS (
    SELECT
        cell_id, attempt, kind, depth, prompt_n_asked, predicted_n_asked,
        list(CASE kind WHEN 'pp' THEN pp_tok_s ELSE tg_tok_s END ORDER BY run_order) AS speeds,
        max(sd_tok_s) FILTER (averaged) AS sd_tok_s,
        min(started_at) AS started_at
    FROM trials
    WHERE valid AND kind IN ('pp', 'tg') AND step NOT LIKE '%-again'
        AND CASE kind WHEN 'pp' THEN pp_tok_s ELSE tg_tok_s END > 0
        AND CASE kind WHEN 'pp' THEN prompt_n_asked ELSE predicted_n_asked END > 0
    GROUP BY ALL
),
hosts_now AS (
    SELECT *, coalesce(
        nullif(array_to_string(list_transform(gpus, lambda gpu: gpu.name), ', '), ''), gpu_names
    ) AS gpu_info
    FROM hosts
    QUALIFY row_number() OVER (PARTITION BY host_id ORDER BY seen_at DESC) = 1
),
files AS (
    SELECT model, quant, model_sha256, any_value(path) AS path, any_value(size_bytes) AS size_bytes,
        any_value(facts) AS facts
    FROM models
    GROUP BY model, quant, model_sha256
)
SELECT
    c.cell_id, c.source, c.model, c.quant, c.cache_k, c.cache_v, c.split, c.split_mode,
    c.server_config, c.engine_sha256, coalesce(l.engine_build, c.engine_build) AS build, l.devices,
    h.cpu_model, h.gpu_info, f.path, f.size_bytes, f.facts,
    s.kind, s.depth, s.prompt_n_asked, s.predicted_n_asked, s.speeds, s.sd_tok_s,
    strftime(s.started_at, '%Y-%m-%dT%H:%M:%SZ') AS test_time
FROM cells AS c
JOIN steps AS s ON s.cell_id = c.cell_id AND s.attempt = c.attempt
LEFT JOIN launches AS l ON l.launch_id = c.launch_id
LEFT JOIN hosts_now AS h ON h.host_id = c.host_id
LEFT JOIN files AS f ON f.model = c.model AND f.quant IS NOT DISTINCT FROM c.quant
    AND f.model_sha256 IS NOT DISTINCT FROM c.model_sha256
WHERE c.status = 'ok'
ORDER BY s.started_at, c.cell_id, s.kind, s.depth
"""
_FLASH_ATTENTION = {"on": 1, "off": 0, "auto": -1}
_FIXED: Mapping[str, object] = {
    "cpu_mask": "0x0", "cpu_strict": 0, "embeddings": 0, "fit_target": 0, "fit_min_ctx": 0,
}  # fmt: skip
_UNKNOWN = "unknown"


def write_llama_bench(connection: Connection, path: Path) -> int:
    """Write a database with the table `llama_bench`; returns its rows.

    Raises:
        QueryError: the warehouse cannot answer.
        OSError: the file cannot be written.
    """
    records = [_record(step) for step in connection.query(_STEPS).to_pylist()]
    try:
        with closing(sqlite3.connect(path)) as database, database:
            write_records(database, records)
    except sqlite3.Error as error:
        raise OSError(str(error)) from error
    return len(records)


def write_records(database: sqlite3.Connection, records: Iterable[Mapping[str, object]]) -> None:
    """Make the table and fill it."""
    columns = ", ".join(f"{name} {kind}" for name, kind in FIELDS.items())
    database.execute(f"CREATE TABLE llama_bench ({columns})")
    marks = ", ".join(f":{name}" for name in FIELDS)
    database.executemany(f"INSERT INTO llama_bench VALUES ({marks})", records)  # noqa: S608 - our names


def _record(step: Mapping[str, Any]) -> dict[str, object]:
    """A row of the table, of a step of an attempt."""
    config = json.loads(step["server_config"])
    engine, other = config["engine"], config.get("other", {})
    facts = json.loads(step["facts"] or "{}")
    on_gpus = bool(step["devices"])
    commit, number = _build(step)
    return {
        **_FIXED,
        **{name: other[name] for name in _FIXED if name in other},
        **_placement(step, engine, on_gpus),
        **_times(step),
        "build_commit": commit,
        "build_number": number,
        "cpu_info": step["cpu_model"] or "",
        "gpu_info": step["gpu_info"] or "",
        "backends": other.get("backends") or _backends(step["devices"] or ()),
        "model_filename": PureWindowsPath(step["path"] or f"{step['model']} {step['quant']}").name,
        "model_type": facts.get("model_type") or f"{step['model']} {step['quant']}",
        "model_size": facts.get("model_size") or step["size_bytes"],
        "model_n_params": facts.get("model_n_params"),
        "n_batch": engine.get("batch_size") or 2048,
        "n_ubatch": engine.get("ubatch_size") or 512,
        "n_threads": engine.get("threads") or 0,
        "poll": engine.get("poll", 50),
        "type_k": step["cache_k"] or "f16",
        "type_v": step["cache_v"] or "f16",
        "flash_attn": _FLASH_ATTENTION.get(engine.get("flash_attn", "auto"), -1),
        "tensor_buft_overrides": other.get("tensor_buft_overrides")
        or engine.get("override_tensor")
        or "none",
        "load_mode": engine.get("load_mode") or "auto",
    }


def _placement(
    step: Mapping[str, Any], engine: Mapping[str, Any], on_gpus: bool
) -> dict[str, object]:
    moe = engine.get("n_cpu_moe")
    shares = [float(each) for each in (step["split"] or "0").split("/")]
    imported = step["source"] != "measured"
    return {
        "n_gpu_layers": _layers(engine) if on_gpus or imported else 0,
        "n_cpu_moe": moe if isinstance(moe, int) else 0,
        "split_mode": step["split_mode"] or engine.get("split_mode") or "layer",
        "main_gpu": engine.get("main_gpu") or 0,
        "no_kv_offload": int(not engine.get("kv_offload", True)),
        "no_op_offload": int(not engine.get("op_offload", True)),
        "tensor_split": "/".join(f"{share:.2f}" for share in shares),
    }


def _layers(engine: Mapping[str, Any]) -> int:
    """A number, else llama-bench's own word for all of them."""
    layers = str(engine.get("n_gpu_layers", "all"))
    return int(layers) if layers.removeprefix("-").isdecimal() else -1


def _times(step: Mapping[str, Any]) -> dict[str, object]:
    """As llama-bench averages: of speeds and of times each, with n - 1 in the deviation."""
    is_prompt = step["kind"] == "pp"
    tokens = step["prompt_n_asked"] if is_prompt else step["predicted_n_asked"]
    speeds = step["speeds"]
    times = [tokens / each * 1e9 for each in speeds]
    several = len(speeds) > 1
    return {
        "n_prompt": tokens if is_prompt else 0,
        "n_gen": 0 if is_prompt else tokens,
        "n_depth": step["depth"],
        "test_time": step["test_time"],
        "avg_ns": round(fmean(times)),
        "stddev_ns": round(stdev(times)) if several else 0,
        "avg_ts": fmean(speeds),
        "stddev_ts": stdev(speeds) if several else step["sd_tok_s"] or 0.0,
    }


def _build(step: Mapping[str, Any]) -> tuple[str, int]:
    """Commit and number; a binary that does not know its commit is told by its hash."""
    text = step["build"] or ""
    commit = re.search(r"commit (\w+)", text)
    number = re.search(r"build (\d+)", text)
    known = commit[1] if commit and commit[1] != _UNKNOWN else None
    sha256 = step["engine_sha256"]
    return known or (sha256[:7] if sha256 else _UNKNOWN), int(number[1]) if number else 0


def _backends(devices: Iterable[str]) -> str:
    """`CUDA0` is of the back end CUDA; the host alone is CPU."""
    names = dict.fromkeys(each.rstrip("0123456789") for each in devices)
    return ",".join(names) or "CPU"
