"""Speeds by launch and step, as verdicts need them: rows of the view `launch_speeds`."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime

from warehouse.connection import Connection

MEASURED = "measured"
"""`source` of what herd measured itself."""


@dataclass(frozen=True, slots=True)
class LaunchSpeeds:
    """The valid repetitions of a step in one launch; fields are the view's columns."""

    cell_id: str
    server_id: str
    sweep_id: str
    launch_id: str
    host_id: str
    hardware_class: str
    model: str
    quant: str | None
    context: int | None
    cache_k: str | None
    cache_v: str | None
    pairing: str | None
    split: str | None
    engine: str
    engine_build: str | None
    engine_sha256: str | None
    model_sha256: str | None
    build: str | None
    server_config: str
    workload: str
    workload_config: str
    other_axes: str
    source: str
    """measured, or what it was imported from"""
    started_at: datetime
    ended_at: datetime
    step: str
    kind: str
    depth: int
    speeds: tuple[float, ...]
    """tok/s, in the order in which they ran."""


_COLUMNS = ", ".join(field.name for field in fields(LaunchSpeeds))


def read_launch_speeds(
    connection: Connection, sweep_id: str | None = None
) -> tuple[LaunchSpeeds, ...]:
    """All ok attempts, or those of one sweep, in the order of their start.

    Raises:
        WarehouseError: the warehouse holds a file that cannot be read.
    """
    where = f"WHERE sweep_id = '{sweep_id}'" if sweep_id else ""
    answer = connection.query(f"SELECT {_COLUMNS} FROM launch_speeds {where}")  # noqa: S608 - an id of ours
    return tuple(
        LaunchSpeeds(**{**row, "speeds": tuple(row["speeds"])}) for row in answer.to_pylist()
    )


def by_step(
    found: Iterable[LaunchSpeeds],
) -> dict[tuple[str, str, int], list[LaunchSpeeds]]:
    """The launches of each cell, step and depth."""
    groups: dict[tuple[str, str, int], list[LaunchSpeeds]] = {}
    for each in found:
        groups.setdefault((each.cell_id, each.step, each.depth), []).append(each)
    return groups
