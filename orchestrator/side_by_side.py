"""Launches side by side on one host, and what a calibration said of them."""

import json
from collections.abc import Sequence

from orchestrator.launch_speeds import LaunchSpeeds
from orchestrator.rules import Undisturbed
from warehouse.connection import Connection

_TOGETHER = 0.7
"""Share of its time that a launch has to have had company: loading takes the ends off."""

_LATEST = """
SELECT host_id, hardware_class, bool_and(agrees) AS agrees, min(beside) AS beside
FROM calibrations WHERE kind = 'side_by_side'
GROUP BY host_id, hardware_class, calibration_id
QUALIFY row_number() OVER (
    PARTITION BY host_id, hardware_class ORDER BY max(calibrated_at) DESC, calibration_id
) = 1"""


def beside_of(launch: LaunchSpeeds) -> int:
    """How many launches of its server ran side by side, by plan."""
    return int(json.loads(launch.server_config).get("beside", 1))


def groups_of(launches: Sequence[LaunchSpeeds]) -> list[tuple[LaunchSpeeds, ...]]:
    """Those that did run side by side, together; what ran without company is left out. Pure.

    Args:
        launches: of one step, planned side by side, in the order of their start.
    """
    number = beside_of(launches[0]) if launches else 1
    rows = [tuple(launches[i : i + number]) for i in range(0, len(launches), number)]
    return [row for row in rows if len(row) == number and _together(row)]


def _together(group: Sequence[LaunchSpeeds]) -> bool:
    common = min(each.ended_at for each in group) - max(each.started_at for each in group)
    return all(common >= _TOGETHER * (each.ended_at - each.started_at) for each in group)


def read_undisturbed(connection: Connection) -> Undisturbed:
    """What the latest calibrations say: where every step was as fast in company as alone.

    Raises:
        WarehouseError: the warehouse holds a file that cannot be read.
    """
    found = connection.query(_LATEST).to_pylist()
    return {(r["host_id"], r["hardware_class"]): r["beside"] for r in found if r["agrees"]}
