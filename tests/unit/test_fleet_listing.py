"""What `herd node list` says of a host. Pure."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from orchestrator.fleet.listing import LastRow, listed, running_on
from orchestrator.fleet.probe import ClusterNode
from orchestrator.fleet.registry import NodeRecord, Registry, Seen

SINCE = datetime(2026, 3, 1, tzinfo=UTC)
BOX = NodeRecord("box", SINCE, "ssh", seen=Seen("old class", (), "b1", "3.11.2", None))
ALIVE = ClusterNode("n2", True, "10.0.0.2", {"host": "box", "herd-code": "abc"})
DEAD = ClusterNode("n1", False, "10.0.0.9", {"host": "box"}, "missing too many heartbeats")


@pytest.mark.parametrize(
    ("node", "nodes", "running", "state"),
    [
        (BOX, [ALIVE], {}, "free"),
        (BOX, [ALIVE], {"box": "a cell"}, "runs"),
        (replace(BOX, drained=True), [ALIVE], {"box": "a cell"}, "draining"),
        (replace(BOX, drained=True), [ALIVE], {}, "drained"),
        (BOX, [DEAD], {"box": "a cell"}, "away"),
        (BOX, [], {}, "away"),
        (BOX, [replace(ALIVE, labels={"host": "box", "herd-code": "old"})], {}, "other code"),
        (BOX, [replace(ALIVE, labels={"host": "box"})], {}, "free"),
    ],
)
def test_states(
    node: NodeRecord, nodes: list[ClusterNode], running: dict[str, str], state: str
) -> None:
    (one,) = listed(Registry(None, (node,)), nodes, running, {}, "abc")
    assert one.state == state
    assert one.runs == (running.get("box") if ALIVE in nodes else None)


def test_a_host_that_joined_twice_is_one_host() -> None:
    (one,) = listed(Registry(None, (BOX,)), [DEAD, ALIVE], {}, {}, "abc")
    assert (one.joins, one.address, one.last_seen, one.death) == (2, "10.0.0.2", None, None)


def test_a_host_that_is_away_tells_when_and_why() -> None:
    seen_at = datetime(2026, 4, 1, tzinfo=UTC)
    row = LastRow("new class", ("RTX 3060",), "580", seen_at)
    (one,) = listed(Registry(None, (BOX,)), [DEAD], {}, {"box": row}, "abc")
    assert (one.last_seen, one.death) == (seen_at, "missing too many heartbeats")
    assert (one.hardware, one.gpus, one.engine) == ("new class", ("RTX 3060",), "b1")


def test_what_runs_comes_from_the_progress_of_sweeps() -> None:
    running = [{"host_id": "box", "cell": "q4", "step": "speed", "done": 1, "total": 3}]
    assert running_on([{"running": running}, {"running": []}]) == {"box": "q4: speed 1/3"}
