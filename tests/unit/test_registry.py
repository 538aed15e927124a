"""The fleet's file: what is written is read again, and only the user reads it."""

import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from platformdirs import user_state_path

from orchestrator.fleet.registry import (
    HeadRecord,
    NodeRecord,
    Registry,
    Seen,
    change_registry,
    read_registry,
)
from warehouse.errors import FleetError

BOX = NodeRecord(
    "box",
    datetime(2026, 3, 1, tzinfo=UTC),
    "ssh",
    ssh="me@box",
    seen=Seen("a class", ("RTX 3060", "GTX 1050"), "b1", "3.11.2", "580"),
)


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


def test_without_a_file_there_is_no_fleet() -> None:
    assert read_registry() == Registry()


def test_it_comes_back_as_it_was_and_is_private() -> None:
    wanted = Registry(HeadRecord("10.0.0.1", 18370), (BOX,))
    change_registry(lambda _: wanted)
    assert read_registry() == wanted
    assert (user_state_path("herd") / "fleet.json").stat().st_mode & 0o777 == 0o600


def test_drained_hosts() -> None:
    change_registry(lambda r: r.with_node(BOX).with_node(replace(BOX, label="b", drained=True)))
    assert read_registry().drained == {"b"}
    change_registry(lambda r: r.with_node(replace(r.node("b"), drained=False)))
    assert not read_registry().drained
    assert not change_registry(lambda r: r.without("b")).has("b")


def test_an_error_changes_nothing() -> None:
    change_registry(lambda r: r.with_node(BOX))
    with pytest.raises(FleetError, match="no node 'x'"):
        change_registry(lambda r: r.with_node(replace(r.node("x"), drained=True)))
    assert read_registry().nodes == (BOX,)


def test_two_that_change_it_at_once_lose_nothing() -> None:
    def add(first: int) -> None:
        for number in range(first, first + 20):
            change_registry(lambda r, n=number: r.with_node(replace(BOX, label=f"n{n}")))  # type: ignore[misc]

    threads = [threading.Thread(target=add, args=(first,)) for first in (0, 100, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(read_registry().nodes) == 60


@pytest.mark.parametrize("content", ["{", "[]", '{"nodes": [{"label": "x"}], "head": null}'])
def test_a_damaged_file_is_told(content: str) -> None:
    (user_state_path("herd", ensure_exists=True) / "fleet.json").write_text(content)
    with pytest.raises(FleetError, match="repair or remove it"):
        read_registry()
