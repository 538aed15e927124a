"""Generated warehouses of any size, for figures: whole columns at a time, through no writer."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from warehouse.layout import KEYS, SUFFIX, day
from warehouse.manifest import Manifest, to_json
from warehouse.merging import ROW_GROUP_ROWS
from warehouse.schemas import schema_of_table
from warehouse.store import SHORT_BYTES, create

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
CLASSES = 5
_MODELS = ("llama-8b", "qwen3-next", "gemma3-4b", "smollm2", "coder-1.5b", "reap-40b")
_QUANTS = ("Q4_0", "Q5_0", "Q8_0", "Q4_K_M", "IQ3_M")
_CONTEXTS = (4096, 16384, 65536, 131072)
_CACHES = ("f16", "q8_0", "q4_0")
_WORKLOAD = (
    '{"n_predict": 128, "name": "speed", "prompt_sizes": [512, 2048], "repetitions": 10, "seed": 0}'
)
_SERVER = (
    '{"devices": ["RTX 3060"], "engine": {"batch_size": 2048, "ubatch_size": 512}, '
    '"hardware_class": "class", "tensor_split": []}'
)

Columns = dict[str, object]


@dataclass(frozen=True, slots=True)
class Cells:
    """Cells of one day: ids in order, with the number of each over all days."""

    day: str
    ids: npt.NDArray[np.str_]
    numbers: npt.NDArray[np.int64]


def cells_of_days(cells: int, days: int) -> Iterator[Cells]:
    """Cells spread over days; five neighbours differ in their hardware class only."""
    for number in range(days):
        numbers = np.arange(number, cells, days) if days > 1 else np.arange(cells)
        ids = np.array([sha256(str(each).encode()).hexdigest()[:32] for each in numbers])
        order = np.argsort(ids)
        yield Cells(day(START + timedelta(days=number)), ids[order], numbers[order])


def table_of(name: str, rows: int, given: Columns) -> pa.Table:
    """Rows of a table: the given columns, the others null or a constant of their type."""
    columns = []
    for field in schema_of_table(name):
        value = given.get(field.name)
        if value is None and field.nullable:
            columns.append(pa.nulls(rows, field.type))
            continue
        if value is None:
            value = _constant(field.type)
        if isinstance(value, np.ndarray):
            columns.append(pa.array(value).cast(field.type))
        else:
            columns.append(pa.repeat(pa.scalar(value, field.type), rows))
    return pa.table(columns, schema=schema_of_table(name))


def _constant(kind: pa.DataType) -> object:
    if pa.types.is_string(kind):
        return "x"
    if pa.types.is_timestamp(kind):
        return START
    if pa.types.is_list(kind):
        return []
    return False if pa.types.is_boolean(kind) else 1


def cell_rows(cells: Cells) -> pa.Table:
    """A row of `cells` each."""
    point = cells.numbers // CLASSES
    given: Columns = {
        "cell_id": cells.ids,
        "launch_id": cells.ids,
        "status": "ok",
        "workload": "speed",
        "source": "measured",
        "workload_config": _WORKLOAD,
        "server_config": _SERVER,
        "model": np.array(_MODELS)[point % len(_MODELS)],
        "quant": np.array(_QUANTS)[point // 6 % len(_QUANTS)],
        "context": np.array(_CONTEXTS)[point // 30 % len(_CONTEXTS)],
        "cache_k": np.array(_CACHES)[point // 120 % len(_CACHES)],
        "cache_v": np.array(_CACHES)[point // 120 % len(_CACHES)],
        "other_axes": np.array([f'{{"seed": {each // 360}}}' for each in point]),
        "hardware_class": np.array([f"class{each}" for each in range(CLASSES)])[
            cells.numbers % CLASSES
        ],
    }
    return table_of("cells", len(cells.ids), given)


def trial_rows(cells: Cells, each: int, seed: int = 7) -> pa.Table:
    """So many trials of each cell: half of generation, half of two prompt sizes."""
    rows = len(cells.ids) * each
    number = np.arange(rows) % each
    tg = number % 2 == 0
    speed = np.random.default_rng(seed).normal(100, 2, rows)
    prompt = np.where(tg, 1, np.where(number % 4 == 1, 512, 2048))
    given: Columns = {
        "cell_id": np.repeat(cells.ids, each),
        "step": np.where(tg, "tg128", np.char.add("pp", prompt.astype(str))),
        "kind": np.where(tg, "tg", "pp"),
        "depth": 0,
        "repetition": number // 4 + 1,
        "run_order": number + 1,
        "prompt_n_asked": prompt,
        "tg_tok_s": np.where(tg, speed, np.nan),
        "pp_tok_s": np.where(tg, np.nan, speed * 20),
        "prompt_ms": speed,
        "predicted_ms": speed,
        "ttft_ms": speed,
        "valid": True,
    }
    table = table_of("trials", rows, given)
    for name in ("tg_tok_s", "pp_tok_s"):
        values: Any = given[name]
        column = pa.array(values, from_pandas=True)  # NaN is null
        table = table.set_column(table.schema.get_field_index(name), table.field(name), column)
    return table


def telemetry_rows(cells: Cells, each: int) -> pa.Table:
    """So many samples of each cell, 8 a second."""
    rows = len(cells.ids) * each
    times = np.datetime64(START.replace(tzinfo=None), "us") + np.arange(rows) * 125_000
    given: Columns = {
        "cell_id": np.repeat(cells.ids, each),
        "launch_id": np.repeat(cells.ids, each),
        "device": "CUDA0",
        "sampled_at": times,
        "power_w": np.random.default_rng(1).normal(200, 10, rows).round(1),
        "clock_mhz": np.random.default_rng(2).normal(1900, 5, rows).round(),
        "vram_used_mib": 17_000.0,
    }
    return table_of("telemetry", rows, given)


def write_compacted(root: Path, cells: Cells, tables: dict[str, pa.Table]) -> None:
    """A day as `herd compact` leaves it."""
    create(root)
    covers = {"cells": frozenset(f"{each}.1.ok" for each in cells.ids)}
    rows = {name: table.num_rows for name, table in tables.items()}
    manifest = Manifest(cells.day, "000001-bench", frozenset(), covers, rows, START)
    for name, table in tables.items():
        path = root / name / manifest.file
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, path, ROW_GROUP_ROWS, compression="zstd", store_schema=False)
    path = root / manifest.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(to_json(manifest))


def write_small(root: Path, cells: Cells, tables: dict[str, pa.Table]) -> int:
    """Each cell as the writer leaves it, a file a table; returns how many files."""
    create(root)
    for name, table in tables.items():
        folder = root / name / cells.day
        folder.mkdir(parents=True, exist_ok=True)
        each = table.num_rows // len(cells.ids)
        for number, cell_id in enumerate(cells.ids):
            end = {"cells": ".1.ok", "launches": ".done", "memory": ".done"}.get(name, ".1")
            rows = table.slice(number * each, each)
            pq.write_table(
                rows,
                folder / f"{cell_id}{end}{SUFFIX}",
                compression="none" if rows.nbytes <= SHORT_BYTES else "zstd",
                store_schema=False,
                use_dictionary=False,
                write_statistics=list(KEYS[name]),
                write_page_checksum=True,
            )
    return len(tables) * len(cells.ids)
