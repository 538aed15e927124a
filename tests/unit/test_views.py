from pathlib import Path

import pytest

from tests.warehouse_samples import warehouse
from warehouse.connection import connect
from warehouse.rows import TABLES
from warehouse.views import View, ViewInfo, in_order, load_views, parse_view


def test_a_header_gives_meaning_units_and_the_rest_is_sql() -> None:
    view = parse_view(
        "v",
        "-- One row per cell,\n-- roughly.\n-- best [tok/s]: the best: of all\n"
        "-- load_ms: to ready\nSELECT best, load_ms, context FROM cells -- all\n",
    )
    assert view.meaning == "One row per cell, roughly."
    assert view.notes == {"best": ("tok/s", "the best: of all"), "load_ms": ("ms", "to ready")}
    assert view.sql == "SELECT best, load_ms, context FROM cells -- all"
    assert view.column("context", "BIGINT").meaning == "context size, tokens"
    assert view.column("unheard_of", "BIGINT").meaning == ""


def test_a_column_takes_the_meaning_of_the_table_that_is_read() -> None:
    launches = View("v", "", {}, "SELECT * FROM launches")
    cells = View("v", "", {}, "SELECT * FROM cells JOIN launches USING (launch_id)")
    assert launches.column("reason", "VARCHAR").meaning == "first error line, or what was seen"
    assert cells.column("reason", "VARCHAR").meaning == "what happened, one line"


def test_a_view_comes_after_those_that_it_reads() -> None:
    views = [
        View("c", "", {}, "SELECT 'd' FROM b JOIN cells USING (cell_id)"),
        View("d", "", {}, "SELECT * FROM a"),
        View("b", "", {}, "SELECT * FROM a"),
        View("a", "", {}, "SELECT * FROM cells"),
    ]
    order = [view.name for view in in_order(views)]
    assert order.index("a") < order.index("b") < order.index("c")
    assert order.index("a") < order.index("d")


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ViewInfo]:
    root: Path = tmp_path_factory.mktemp("warehouse")
    warehouse(root)
    with connect(root) as connection:
        return {each.name: each for each in connection.list_views()}


def test_all_tables_and_views_are_listed(listed: dict[str, ViewInfo]) -> None:
    assert {name for name, each in listed.items() if each.kind == "table"} == {
        table.TABLE for table in TABLES
    }
    assert {"outcomes", "speed", "speed_steps", "memory_by_device", "failures"} <= listed.keys()
    assert {"compare_quants", "compare_hosts"} <= listed.keys()


def test_every_column_of_every_view_says_what_it_means(listed: dict[str, ViewInfo]) -> None:
    for each in listed.values():
        assert each.meaning.endswith("."), each.name
        for column in each.columns:
            assert column.meaning, f"{each.name}.{column.name}"


def test_no_comment_explains_a_column_that_is_not_there(listed: dict[str, ViewInfo]) -> None:
    for view in load_views():
        names = {column.name for column in listed[view.name].columns}
        assert view.notes.keys() <= names, view.name


def test_units_are_shown(listed: dict[str, ViewInfo]) -> None:
    units = {column.name: column.unit for column in listed["speed"].columns}
    assert units["tg_tok_s"] == "tok/s"
    assert units["tg_spread_pct"] == "%"
    assert units["context"] == "tokens"
