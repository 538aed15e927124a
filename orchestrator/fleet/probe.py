"""Ask a head who is there: in a process of its own, since Ray's client may wait for ever."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warehouse.errors import FleetError

TIME_LIMIT_S = 15.0
"""Of the whole probe: importing Ray takes 1 to 3 s on a busy host, the answer some ms."""
_CONNECT_S = 3.0


@dataclass(frozen=True, slots=True)
class ClusterNode:
    """An incarnation of a host."""

    node_id: str
    alive: bool
    address: str
    """IP."""
    labels: Mapping[str, str]
    death: str | None = None
    """Why it is gone, as Ray says it."""


def probe(address: str, environment: Mapping[str, str]) -> tuple[ClusterNode, ...]:
    """Who is in the cluster; at most `TIME_LIMIT_S`.

    Args:
        address: IP:PORT of the head.
        environment: what Ray must find in its environment (token, modes).

    Raises:
        FleetError: it cannot be reached, refuses the token, or runs another Ray or Python.
    """
    token = environment.get("RAY_AUTH_TOKEN_PATH", "")
    if not Path(token).is_file():
        raise FleetError(f"no token at {token}: copy the one of the fleet's driver there")
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=_CONNECT_S).close()
    except OSError as error:
        raise FleetError(
            f"the fleet's head at {address} cannot be reached ({error.strerror or error}): "
            "`herd node list` starts it again"
        ) from error
    try:
        done = subprocess.run(
            [sys.executable, "-m", __name__, address],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        said = error.stderr.decode(errors="replace") if isinstance(error.stderr, bytes) else ""
        raise FleetError(refusal(address, said, environment)) from error
    if done.returncode != 0:
        raise FleetError(refusal(address, done.stderr, environment))
    return tuple(ClusterNode(**node) for node in json.loads(done.stdout))


def refusal(address: str, said: str, environment: Mapping[str, str]) -> str:
    """One line on what a client of Ray said before it gave up or was ended. Pure."""
    token = environment.get("RAY_AUTH_TOKEN_PATH", "")
    if "InvalidAuthToken" in said or "token" in said.lower():
        return (
            f"the fleet's head at {address} refuses the token in {token}: it is another fleet's, "
            "or the head was started with another one"
        )
    if "Version mismatch" in said:
        told = " ".join(said.partition("Version mismatch: ")[2].split())
        return f"the head at {address} runs another Ray or Python: {told}"
    return (
        f"{address} does not answer as Ray's head does within {TIME_LIMIT_S:.0f} s: "
        f"{_last_line(said) or 'it says nothing'}"
    )


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""


def _ask(address: str) -> list[dict[str, Any]]:
    from ray import _raylet
    from ray._common.usage.usage_lib import get_cluster_metadata
    from ray._private.utils import check_version_info

    raylet: Any = _raylet  # compiled: mypy does not see into it
    check_version_info(get_cluster_metadata(raylet.GcsClient(address=address)), "this driver")
    options = raylet.GcsClientOptions.create(
        address, None, allow_cluster_id_nil=True, fetch_cluster_id_if_nil=True
    )
    accessor = raylet.GlobalStateAccessor(options)
    accessor.connect()
    return [
        {
            "node_id": row["NodeID"],
            "alive": row["Alive"],
            "address": row["NodeManagerAddress"],
            "labels": row["Labels"],
            "death": row.get("DeathReasonMessage") or None,
        }
        for row in accessor.get_node_table()
    ]


if __name__ == "__main__":
    print(json.dumps(_ask(sys.argv[1])))  # noqa: T201
