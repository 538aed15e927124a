import csv
import io
import json
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from orchestrator.cli.output import print_arrow, print_table

COLUMNS = ("name", "tok_s", "count", "note")
ROWS = (('a, "b"', 38.754, 3, None), ("ä\nc", None, 12, "[bold]x[/]"))


def test_json_keeps_values_and_nulls(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(COLUMNS, ROWS, "json")
    assert json.loads(capsys.readouterr().out) == [
        {"name": 'a, "b"', "tok_s": 38.754, "count": 3, "note": None},
        {"name": "ä\nc", "tok_s": None, "count": 12, "note": "[bold]x[/]"},
    ]


def test_json_of_no_rows_is_a_list(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(COLUMNS, (), "json")
    assert json.loads(capsys.readouterr().out) == []


def test_csv_is_read_back_by_any_reader(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(COLUMNS, ROWS, "csv")
    assert list(csv.reader(io.StringIO(capsys.readouterr().out))) == [
        [*COLUMNS],
        ['a, "b"', "38.754", "3", ""],
        ["ä\nc", "", "12", "[bold]x[/]"],
    ]


def test_csv_of_no_rows_has_its_header(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(COLUMNS, (), "csv")
    assert capsys.readouterr().out == "name,tok_s,count,note\n"


def test_a_table_aligns_numbers_rounds_them_and_shows_nulls_as_a_dash(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_table(("name", "tok_s", "n"), (("long name", 38.754, 3), ("b", None, 12)), "table")
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        "name       tok_s   n",
        "long name  38.75   3",
        "b              -  12",
    ]


def test_a_table_of_no_rows_has_its_header(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("name", "n"), (), "table")
    assert capsys.readouterr().out.split() == ["name", "n"]


@pytest.mark.parametrize("text", ["[bold]x[/]", "[/x]", "\\[bold]", "a\\", "[link=x]y"])
def test_a_table_shows_text_as_it_is(capsys: pytest.CaptureFixture[str], text: str) -> None:
    print_table((text,), ((text,),), "table")
    assert capsys.readouterr().out.split() == [text, text]


def test_a_pipe_has_no_edge_to_wrap_at(capsys: pytest.CaptureFixture[str]) -> None:
    reason = "x" * 300
    print_table(("reason",), ((reason,),), "table")
    assert reason in capsys.readouterr().out


@pytest.mark.parametrize("output", ["json", "csv"])
def test_an_answer_of_the_warehouse_is_printed_by_rows(
    capsys: pytest.CaptureFixture[str], output: str
) -> None:
    started = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    answer = pa.table({"quant": ["Q4_1", "Q8_0"], "started_at": [started, None]})
    print_arrow(answer, output)
    out = capsys.readouterr().out
    if output == "json":
        assert json.loads(out) == [
            {"quant": "Q4_1", "started_at": "2026-03-01 12:00:00+00:00"},
            {"quant": "Q8_0", "started_at": None},
        ]
    else:
        assert out == "quant,started_at\nQ4_1,2026-03-01 12:00:00+00:00\nQ8_0,\n"
