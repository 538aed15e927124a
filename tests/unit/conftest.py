"""A warehouse to write rows into, and its answers: for the golden tests of views."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.warehouse_samples import warehouse
from warehouse.connection import connect
from warehouse.store import Warehouse

Ask = Callable[[str], list[dict[str, Any]]]


@pytest.fixture
def store(tmp_path: Path) -> Warehouse:
    return warehouse(tmp_path)


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    def answer(sql: str) -> list[dict[str, Any]]:
        with connect(tmp_path) as connection:
            return connection.query(sql).to_pylist()

    return answer
