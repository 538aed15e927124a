"""Which hosts have measured a cell, and how often."""

from collections import defaultdict
from collections.abc import Mapping

from warehouse.connection import Connection

MeasuredOn = Mapping[str, Mapping[str, int]]
"""Launches of a cell that succeeded, by cell_id and host_id."""

_OK = """
SELECT cell_id, host_id, count(*) AS launches FROM cells
WHERE status = 'ok' AND host_id IS NOT NULL GROUP BY cell_id, host_id ORDER BY cell_id, host_id"""


def read_measured_on(connection: Connection) -> MeasuredOn:
    """All cells of the warehouse.

    Raises:
        WarehouseError: the warehouse holds a file that cannot be read.
    """
    found: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for row in connection.query(_OK).to_pylist():
        found[row["cell_id"]][row["host_id"]] = row["launches"]
    return found
