"""Files of every form that llama-bench writes, and files of the wrong kind."""

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.imports import trials_of
from warehouse.errors import ImportFileError
from warehouse.imports.importing import parse_file
from warehouse.imports.runs import Given, Imported

FIXTURES = Path(__file__).parents[1] / "fixtures" / "imports"
JSONL = FIXTURES / "llama-bench-11434-1.jsonl"
SQL = FIXTURES / "llama-bench-11434-1.sql"
"""Printed by one run of the build of 2026-11, on both streams."""
JSON = FIXTURES / "llama-bench-11434-2.json"
CSV = FIXTURES / "llama-bench-11434-2.csv"
"""Printed by another one."""


def read(path: Path) -> Imported:
    return parse_file(path, Given()).imported


def speeds(found: Imported) -> dict[tuple[str, int], list[float | None]]:
    """(step, depth) -> what its trials say, of a file with one run."""
    (run,) = found.runs
    told: dict[tuple[str, int], list[float | None]] = {}
    for trial in trials_of(run):
        speed = trial.pp_tok_s or trial.tg_tok_s
        told.setdefault((trial.step, trial.depth), []).append(speed)
    return told


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def database(path: Path, script: str) -> Path:
    with closing(sqlite3.connect(path)) as made:
        made.executescript(script)
    return path


def records() -> list[dict[str, Any]]:
    return [json.loads(line) for line in JSONL.read_text().splitlines()]


def test_jsonl_is_a_trial_for_each_repetition() -> None:
    found = read(JSONL)
    told = speeds(found)
    assert found.form == "jsonl"
    wanted = {
        (f"pp{each['n_prompt']}", each["n_depth"]): each["samples_ts"]
        for each in records()
        if each["n_gen"] == 0
    } | {
        (f"tg{each['n_gen']}", each["n_depth"]): each["samples_ts"]
        for each in records()
        if each["n_prompt"] == 0
    }
    for key, values in wanted.items():
        assert told[key] == pytest.approx(values, rel=1e-4)
    assert told["pp8+tg2", 0] == [None] * 3  # neither a prompt's speed nor a generation's
    assert len(told) == len(records()) == 6


@pytest.mark.parametrize("form", ["sql", "sqlite"])
def test_sql_and_its_database_are_an_average_each(form: str, tmp_path: Path) -> None:
    path = SQL if form == "sql" else database(tmp_path / "b.sqlite", SQL.read_text())
    found = read(path)
    (run,) = found.runs
    assert found.form == form
    assert len(run.children) == 6
    by_step = {(t.step, t.depth): t for t in trials_of(run)}
    for record in records():
        if record["n_prompt"] and not record["n_gen"]:
            trial = by_step[f"pp{record['n_prompt']}", record["n_depth"]]
            # The mean of times, not of speeds: these are 16 tokens over avg_ns.
            assert trial.pp_tok_s == pytest.approx(16 / record["avg_ns"] * 1e9)
            assert (trial.averaged, trial.sd_tok_s) == (True, record["stddev_ts"])


def test_csv_is_an_average_each_and_json_has_repetitions() -> None:
    averages, repetitions = read(CSV), read(JSON)
    assert {t.averaged for t in trials_of(averages.runs[0])} == {True}
    assert {t.averaged for t in trials_of(repetitions.runs[0])} == {None}
    assert [len(each.runs[0].children) for each in (averages, repetitions)] == [2, 6]


@pytest.mark.parametrize("pair", [(JSONL, SQL), (JSON, CSV)], ids=["1", "2"])
def test_one_run_is_one_launch_in_every_form(pair: tuple[Path, Path]) -> None:
    first, second = (read(path).runs[0] for path in pair)
    assert first.launch.launch_id == second.launch.launch_id
    assert first.cell.cell_id == second.cell.cell_id
    assert first.cell.server_config == second.cell.server_config


def test_a_byte_order_mark_and_other_line_ends_do_not_matter(tmp_path: Path) -> None:
    text = CSV.read_text().replace("\n", "\r\n")
    path = written(tmp_path / "b.csv", b"\xef\xbb\xbf" + text.encode())
    assert speeds(read(path)) == speeds(read(CSV))


def test_the_table_is_called_test_in_old_databases(tmp_path: Path) -> None:
    path = database(tmp_path / "b.sqlite", SQL.read_text().replace("llama_bench", "test"))
    assert len(read(path).runs[0].children) == 6


WRONG = {
    "empty": (b"", "is empty: nothing to import"),
    "blank": (b" \n\n", "is empty: nothing to import"),
    "utf16": ("[]".encode("utf-16"), "is UTF-16: convert it to UTF-8"),
    "latin1": ('[{"model": "Zür'.encode("latin-1"), "is no UTF-8 text (byte 13)"),
    "prose": (
        b"# Results\n| model | t/s |",
        "it begins with '# Results\\n| model | t",
    ),
    "other csv": (b"a,b\n1,2\n", "it begins with 'a,b\\n1,2': not csv"),
    "other json": (b'{\n"a": 1}', "a JSON object with a: not csv"),
    "other array": (b"[1, 2]", "entry 1 is no JSON object"),
    "no test": (b"[]", "no test of llama-bench in it"),
    "other line": (b'{"a": 1}\n', "test 1: no n_prompt, no n_gen, no test_time, no avg_ns"),
    "cut array": (JSON.read_bytes()[:-30], "broken or cut off JSON"),
    "cut line": (JSONL.read_bytes()[:-30], "line 6 is broken or cut off"),
    "cut sql": (SQL.read_bytes()[:-30], "broken or cut off SQL"),
    "cut csv": (CSV.read_bytes()[:-60], "line 3"),
    "csv of more": (CSV.read_bytes() + b"1,2\n", "line 4 has 2 values for 42 columns"),
    "quote in sql": (
        SQL.read_bytes().replace(b"/opt/models", b"/opt/it's"),
        "broken or cut off SQL",
    ),
    "attach": (
        b"CREATE TABLE a (b); ATTACH 'x.db' AS x;",
        "broken or cut off SQL: not authorized",
    ),
    "drop": (b"CREATE TABLE a (b); DROP TABLE a;", "broken or cut off SQL: not authorized"),
    "other sql": (b"CREATE TABLE a (b);", "no table llama_bench in it, but a"),
    "deep": (b"[" * 100_000, "broken or cut off JSON"),
    "cut database": (b"SQLite format 3\x00" + b"\x01" * 50, "damaged database"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_file_of_the_wrong_kind_is_one_line(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, text = WRONG[kind]
    monkeypatch.chdir(tmp_path)
    path = written(tmp_path / "wrong", content)
    with pytest.raises(ImportFileError) as error:
        parse_file(path, Given())
    assert text in str(error.value)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == [path]


def test_sql_without_end_is_stopped(tmp_path: Path) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
    script = f"CREATE TABLE llama_bench (a); INSERT INTO llama_bench {endless};"
    with pytest.raises(ImportFileError, match="broken or cut off SQL"):
        parse_file(written(tmp_path / "b.sql", script), Given())


@pytest.mark.parametrize("size_mib", [257, 1024])
def test_a_huge_file_is_refused_before_it_is_read(size_mib: int, tmp_path: Path) -> None:
    path = tmp_path / "huge.jsonl"
    with path.open("wb") as file:
        file.truncate(size_mib * 2**20)  # sparse
    with pytest.raises(ImportFileError, match=f"has {size_mib} MiB, more than the 256"):
        parse_file(path, Given())


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ImportFileError, match="is a folder"):
        parse_file(tmp_path, Given())
    with pytest.raises(ImportFileError, match="No such file"):
        parse_file(tmp_path / "none", Given())
    with pytest.raises(ImportFileError, match="does not end within 256 MiB"):
        parse_file(Path(os.devnull).with_name("zero"), Given())


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("n_prompt", -1, "n_prompt is '-1', no number of tokens"),
        ("n_prompt", 0, "n_prompt and n_gen are 0: it measured nothing"),
        ("n_depth", "x", "n_depth is 'x', no number of tokens"),
        ("samples_ns", [1, -5], "samples_ns is -5.0, no time"),
        ("samples_ns", [float("nan")], "samples_ns is nan, no time"),
        ("samples_ns", "abc", "samples_ns is 'abc', no list of times"),
        ("test_time", "yesterday", "test_time is 'yesterday', no time"),
    ],
)
def test_a_value_that_cannot_be_is_told_with_its_test(
    field: str, value: object, text: str, tmp_path: Path
) -> None:
    first, second, *_ = records()
    path = written(tmp_path / "b.json", json.dumps([second, {**first, field: value}]))
    with pytest.raises(ImportFileError) as error:
        parse_file(path, Given())
    assert f"test 2: {text}" in str(error.value)


def test_a_repetition_without_time_is_kept_and_marked(tmp_path: Path) -> None:
    first = records()[0]
    path = written(tmp_path / "b.json", json.dumps([{**first, "samples_ns": [0, 10**9]}]))
    zero, one = read(path).runs[0].children
    assert (zero.valid, zero.invalid_reason, one.valid) == (False, "no time", True)
    assert (read(path).runs[0].cell.valid_trials, read(path).runs[0].cell.invalid_trials) == (1, 1)
