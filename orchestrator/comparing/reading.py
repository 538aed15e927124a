"""What is compared beside speeds, from the warehouse."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from orchestrator.comparing.builds import Build
from orchestrator.comparing.noise import CalibratedStep
from orchestrator.launch_speeds import LaunchSpeeds, read_launch_speeds
from warehouse.connection import Connection

Step = tuple[str, str, str, int]
"""cell_id, launch_id, step, depth"""


@dataclass(frozen=True, slots=True)
class Figures:
    """What the valid repetitions of a step in one launch took; empty where it is not known."""

    ttfts_ms: tuple[float, ...]
    energies_j: tuple[float, ...]
    """J by token"""


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory of a launch in all, MiB; None where there is none or it is not known."""

    gpu_mib: float | None
    host_mib: float | None


@dataclass(frozen=True, slots=True)
class Scored:
    """A perplexity, and the distance from a baseline, of the latest attempt at a cell."""

    cell: LaunchSpeeds
    """Its step is the text with the baseline; no speeds."""
    corpus: str
    perplexity: float | None
    perplexity_se: float | None
    kld_mean_nats: float | None
    kld_mean_se_nats: float | None


@dataclass(frozen=True, slots=True)
class TaskRun:
    """A run of an agent that counts, of the latest attempt at a cell."""

    cell: LaunchSpeeds
    """Its step is the suite; no speeds."""
    level: str
    task: str
    piece: str
    """What the other side has to share: task, variant, seed, session, filler."""
    try_number: int
    success: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a comparison reads."""

    speeds: Sequence[LaunchSpeeds]
    calibrated: Sequence[CalibratedStep] = ()
    figures: Mapping[Step, Figures] | None = None
    memory: Mapping[str, Memory] | None = None
    """By launch_id."""
    sizes: Mapping[str, int] | None = None
    """Bytes of a model file, by its hash and by `model quant`."""
    scored: Sequence[Scored] = ()
    runs: Sequence[TaskRun] = ()


_CELL = ", ".join(
    f"c.{field.name}"
    for field in fields(LaunchSpeeds)
    if field.name not in ("build", "step", "kind", "depth", "speeds")
)
_SCORED = f"""
SELECT {_CELL}, q.corpus, q.corpus_sha256, q.chunk_context, q.chunks, q.baseline_sha256,
    q.perplexity, q.perplexity_se, q.kld_mean_nats, q.kld_mean_se_nats
FROM latest_cells AS c JOIN quality AS q ON q.cell_id = c.cell_id AND q.attempt = c.attempt
WHERE q.valid"""  # noqa: S608 - names of columns
_RUNS = f"""
SELECT {_CELL}, r.suite, r.suite_version, r.level, r.task, r.variant, r.seed, r.session, r.sessions,
    r.filler_depth, r.try_number, r.outcome
FROM latest_cells AS c JOIN agent_runs AS r ON r.cell_id = c.cell_id AND r.attempt = c.attempt
WHERE r.valid AND r.outcome IN ('success', 'failure')"""  # noqa: S608
_NOISE = f"SELECT {', '.join(field.name for field in fields(CalibratedStep))} FROM noise"  # noqa: S608
_BUILDS = """
SELECT build, engine_build, count(*) OVER (PARTITION BY engine_build) = 1 AS "unique"
FROM builds ORDER BY build_order"""
_SIZES = "SELECT model_sha256, model, quant, max(size_bytes) AS bytes FROM models GROUP BY ALL"


def read_speeds(connection: Connection) -> Facts:
    """Speeds and calibrations alone.

    Raises:
        WarehouseError: the warehouse holds a file that cannot be read.
    """
    calibrated = connection.query(_NOISE).to_pylist()
    return Facts(read_launch_speeds(connection), [CalibratedStep(**row) for row in calibrated])


def read_facts(connection: Connection) -> Facts:
    """Everything.

    Raises:
        WarehouseError: the warehouse holds a file that cannot be read.
    """

    def ask(sql: str) -> list[dict[str, Any]]:
        return connection.query(sql).to_pylist()

    return replace(
        read_speeds(connection),
        figures={
            (row["cell_id"], row["launch_id"], row["step"], row["depth"]): Figures(
                tuple(row["ttfts_ms"]), tuple(row["energies_j"])
            )
            for row in ask("SELECT * FROM launch_figures")
        },
        memory={
            row["launch_id"]: Memory(row["gpu_mib"], row["host_mib"])
            for row in ask("SELECT launch_id, gpu_mib, host_mib FROM launch_totals")
        },
        sizes=_sizes(ask(_SIZES)),
        scored=[_scored(row) for row in ask(_SCORED)],
        runs=[_run(row) for row in ask(_RUNS)],
    )


def _sizes(found: Sequence[dict[str, Any]]) -> dict[str, int]:
    by_name = {f"{row['model']} {row['quant']}": row["bytes"] for row in found if row["bytes"]}
    by_hash = {row["model_sha256"]: row["bytes"] for row in found if row["model_sha256"]}
    return {**by_name, **by_hash}


def _scored(row: dict[str, Any]) -> Scored:
    text = [row[key] for key in ("corpus_sha256", "chunk_context", "chunks", "baseline_sha256")]
    return Scored(
        cell=_cell(row, "quality", json.dumps(text), 0),
        corpus=row["corpus"],
        perplexity=row["perplexity"],
        perplexity_se=row["perplexity_se"],
        kld_mean_nats=row["kld_mean_nats"],
        kld_mean_se_nats=row["kld_mean_se_nats"],
    )


def _run(row: dict[str, Any]) -> TaskRun:
    piece = [row[key] for key in ("task", "variant", "seed", "session", "sessions")]
    suite = f"{row['suite']} {row['suite_version']}"
    return TaskRun(
        cell=_cell(row, "agent", suite, row["filler_depth"]),
        level=row["level"],
        task=f"{row['suite']} {row['task']}",
        piece=json.dumps(piece),
        try_number=row["try_number"],
        success=row["outcome"] == "success",
    )


def _cell(row: dict[str, Any], kind: str, step: str, depth: int) -> LaunchSpeeds:
    axes = {field.name: row[field.name] for field in fields(LaunchSpeeds) if field.name in row}
    return LaunchSpeeds(
        **{**axes, "build": None, "step": step, "kind": kind, "depth": depth, "speeds": ()}
    )


def read_builds(connection: Connection) -> list[Build]:
    """The builds of the view `builds`, oldest first."""
    return [Build(**row) for row in connection.query(_BUILDS).to_pylist()]
