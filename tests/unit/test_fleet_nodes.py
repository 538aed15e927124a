from typing import Any

from orchestrator.fleet.nodes import Node, alive, death


def row(node_id: str, *, up: bool = True, why: str = "", **labels: str) -> dict[str, Any]:
    named = {name.replace("_", "-"): value for name, value in labels.items()}
    return {"NodeID": node_id, "Alive": up, "Labels": named, "DeathReasonMessage": why}


def test_a_host_is_its_label_and_an_incarnation_its_id() -> None:
    nodes = [row("1", up=False, host="a"), row("2", host="a"), row("3", host="b"), row("4")]
    assert alive(nodes, "c0de") == (Node("a", "2"), Node("b", "3"))


def test_a_host_with_other_code_is_refused_with_the_way_out() -> None:
    same, other = alive(
        [row("1", host="a", herd_code="c0de"), row("2", host="b", herd_code="0")], "c0de"
    )
    assert same.refused is None
    assert other.refused == "b runs the code of another herd: run `herd node add b` again"


def test_why_a_node_is_gone_is_one_line() -> None:
    nodes = [row("1", up=False, why="missing too\nmany heartbeats", host="a"), row("2", host="b")]
    assert death(nodes, Node("a", "1")) == "its node is gone: missing too many heartbeats"
    assert death(nodes, Node("b", "2")) == death(nodes, Node("c", "9")) == "its node is gone"
