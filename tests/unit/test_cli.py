"""The command line as a user types it, up to where a server would start."""

import csv
import io
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from socket import gethostname
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from orchestrator.cli import main
from orchestrator.progress import Progress, Running
from orchestrator.progress_file import ProgressFile
from tests.warehouse_samples import at, cell, holder, launch, planned, sweep, telemetry, trial
from warehouse.errors import ConfigError, WarehouseError
from warehouse.storage import storage_at
from warehouse.store import writing

Herd = Callable[..., Result]
CELLS = (("c1", "run", None), ("c2", "pruned", "pairing pair needs 2 GPU(s)"), ("c3", "run", None))


@pytest.fixture
def herd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Herd:
    """Runs `herd` in an empty folder, with the warehouse beside it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HERD_WAREHOUSE", str(tmp_path / "rows"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))

    def run(*words: str, **options: Any) -> Result:
        return CliRunner().invoke(main, list(words), prog_name="herd", **options)

    return run


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """A warehouse with one sweep of three cells: measured, pruned, and not yet run."""
    root = tmp_path / "rows"
    with writing(root, holder(), wait=False, on_wait=print) as warehouse:
        plan = [
            planned(cell_id, decision=decision, reason=reason, plan_order=order)
            for order, (cell_id, decision, reason) in enumerate(CELLS)
        ]
        warehouse.write_sweep(sweep(), plan, (), (), ())
        warehouse.write_launch(launch(), ())
        warehouse.commit_cell(cell("c1"), [trial("c1")], [])
    return root


def verbs(group: click.Group, *before: str) -> Iterator[tuple[str, ...]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield (*before, name)
        if isinstance(command, click.Group):
            yield from verbs(command, *before, name)


def only_line(result: Result) -> str:
    """What an error says: one line on standard error, exit code 1, nothing else."""
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    return line


def test_help_names_every_verb(herd: Herd) -> None:
    told = herd("--help")
    assert told.exit_code == 0
    for verb in (
        "sweep",
        "plan",
        "status",
        "sql",
        "views",
        "models",
        "doctor",
        "compare",
        "calibrate",
    ):
        assert f"\n  {verb} " in told.stdout


@pytest.mark.parametrize("verb", [*verbs(main)], ids=" ".join)
def test_every_verb_and_each_of_its_options_explains_itself(
    herd: Herd, verb: tuple[str, ...]
) -> None:
    told = herd(*verb, "--help")
    assert told.exit_code == 0
    assert told.stdout.startswith(f"Usage: herd {' '.join(verb)} ")
    command: click.Command | None = main
    for name in verb:
        assert isinstance(command, click.Group)
        command = command.get_command(click.Context(command), name)
    assert command
    assert command.help
    assert all(option.help for option in command.params if isinstance(option, click.Option))


def test_the_version_is_that_of_the_package(herd: Herd) -> None:
    told = herd("--version")
    assert told.exit_code == 0
    assert told.stdout == "herd, version 0.1.0\n"


@pytest.mark.parametrize(
    "words", [("nope",), ("sql", "--timeout", "0"), ("plan", "--format", "xml"), ("-x",)]
)
def test_a_command_that_is_none_shows_the_usage(herd: Herd, words: tuple[str, ...]) -> None:
    told = herd(*words)
    assert told.exit_code == 2
    assert "Usage: herd" in told.stderr


@pytest.mark.parametrize("verb", ["plan", "sweep"])
@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("foo=1",), "herd: unknown key 'foo'"),
        (("quant=Q9",), "herd: model smollm2-135m has no quant 'Q9'; the catalogue has Q4_1,"),
    ],
)
def test_what_is_wrong_with_the_command_is_one_line_and_nothing_is_written(
    herd: Herd, tmp_path: Path, verb: str, words: tuple[str, ...], complaint: str
) -> None:
    assert only_line(herd(verb, *words)).startswith(complaint)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [("sql", "select 1"), ("views",), ("status",), ("status", "w1")])
def test_a_missing_warehouse_is_one_line_that_says_what_to_do(
    herd: Herd, tmp_path: Path, words: tuple[str, ...]
) -> None:
    line = only_line(herd(*words))
    assert line.startswith(f"herd: no warehouse at {tmp_path}/rows: run a sweep first")
    assert list(tmp_path.iterdir()) == []


def test_debug_shows_the_whole_trace(herd: Herd) -> None:
    with pytest.raises(WarehouseError, match="no warehouse at"):
        herd("--debug", "views", catch_exceptions=False)
    with pytest.raises(ConfigError, match="unknown key 'foo'"):
        herd("--debug", "plan", "foo=1", catch_exceptions=False)


def test_a_config_folder_that_is_none_is_told(herd: Herd) -> None:
    assert only_line(herd("--config-dir", "nope", "plan")) == (
        "herd: --config-dir nope is not a folder"
    )


def test_ctrl_c_says_how_to_go_on(herd: Herd, rows: Path) -> None:
    class Interrupted(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if size == 0:  # click asks first whether these are bytes
                return b""
            raise KeyboardInterrupt

        read1 = read

    told = herd("sql", "-", input=Interrupted())
    assert told.exit_code == 130
    assert told.stderr == "herd: interrupted; the same command continues\n"


def test_sql_answers_in_every_form(herd: Herd, rows: Path) -> None:
    query = "select cell_id, outcome from outcomes order by plan_order"
    asked = [("c1", "ok"), ("c2", "pruned"), ("c3", "pending")]
    as_json = json.loads(herd("sql", query, "--format", "json").stdout)
    assert as_json == [{"cell_id": cell_id, "outcome": outcome} for cell_id, outcome in asked]
    as_csv = [*csv.reader(io.StringIO(herd("sql", query, "--format", "csv").stdout))]
    assert as_csv == [["cell_id", "outcome"], *map(list, asked)]
    as_table = [tuple(line.split()) for line in herd("sql", query).stdout.splitlines()]
    assert as_table == [("cell_id", "outcome"), *asked]


def test_sql_reads_a_query_from_standard_input(herd: Herd, rows: Path) -> None:
    told = herd("sql", "-", "--format", "csv", input="select count(*) as n\nfrom trials")
    assert told.stdout == "n\n1\n"


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("drop view outcomes", "SELECT"),
        ("copy (select 1) to 'x.csv'", "SELECT"),
        ("select 1; select 2", "one"),
        ("select nope from outcomes", "nope"),
        ("selec 1", "selec"),
    ],
)
def test_sql_refuses_in_one_line(
    herd: Herd, rows: Path, tmp_path: Path, query: str, word: str
) -> None:
    assert word in only_line(herd("sql", query))
    assert list(tmp_path.iterdir()) == [rows]


def test_views_lists_all_and_explains_one(herd: Herd, rows: Path) -> None:
    listed = json.loads(herd("views", "--format", "json").stdout)
    kinds = {view["name"]: view["kind"] for view in listed}
    assert (kinds["outcomes"], kinds["trials"]) == ("view", "table")
    assert all(view["meaning"] and view["columns"] for view in listed)
    columns = {
        c["column"]: c for c in json.loads(herd("views", "trials", "--format", "json").stdout)
    }
    assert columns["tg_tok_s"]["unit"] == "tok/s"
    assert all(column["meaning"] for column in columns.values())


def test_an_unknown_view_is_told(herd: Herd, rows: Path) -> None:
    assert only_line(herd("views", "nope")) == (
        "herd: no view or table 'nope'; `herd views` lists them"
    )


def test_status_counts_the_cells_of_every_sweep(herd: Herd, rows: Path) -> None:
    (told,) = json.loads(herd("status", "--format", "json").stdout)
    assert (told["sweep_id"], told["name"], told["cells"]) == ("w1", "demo", 3)
    counts = {name: told[name] for name in ("ok", "failed", "pruned", "cached", "pending")}
    assert counts == {"ok": 1, "failed": 0, "pruned": 1, "cached": 0, "pending": 1}


def test_status_shows_the_cells_of_a_sweep_in_order(herd: Herd, rows: Path) -> None:
    told = json.loads(herd("status", "w1", "--format", "json").stdout)
    assert [(c["order"], c["outcome"], c["reason"]) for c in told] == [
        (0, "ok", ""),
        (1, "pruned", "pairing pair needs 2 GPU(s)"),
        (2, "pending", ""),
    ]


@pytest.mark.parametrize("sweep_id", ["w9", "w1' or '1'='1", "*"])
def test_status_of_no_sweep_is_told(herd: Herd, rows: Path, sweep_id: str) -> None:
    told = herd("status", sweep_id)
    assert told.exit_code == 2
    assert "`herd status` lists them" in told.stderr


def put_progress(rows: Path, **changes: Any) -> None:
    running = (Running("alpha", "tiny Q4_1", "tg32", 3, 10),)
    progress = Progress("w1", "demo", os.getpid(), 3, "2026-03-01T12:00:00", {"ok": 1}, running)
    progress = replace(progress, host=gethostname())
    file = ProgressFile(storage_at(rows), "w1")
    file.write(replace(progress, measured_s=65.0, **changes))


def test_status_shows_what_runs_now(herd: Herd, rows: Path) -> None:
    put_progress(rows)
    assert herd("status").stdout.splitlines()[-2:] == [
        "w1 (demo) runs: 1 ok of 3, about 2 min 10 s left",
        "  alpha: tiny Q4_1: tg32 3/10",
    ]


def test_status_tells_a_sweep_whose_driver_was_killed(herd: Herd, rows: Path) -> None:
    put_progress(rows, pid=2**22 + 1)  # above the kernel's highest
    last = herd("status", "w1").stdout.splitlines()[-1]
    assert last.startswith("w1 (demo) was stopped; the same command continues it: 1 ok of 3")


def test_status_says_nothing_of_a_sweep_that_ended(herd: Herd, rows: Path) -> None:
    before = herd("status").stdout
    put_progress(rows, ended=True)
    assert herd("status").stdout == before


NOWHERE = "engine.binary=/nowhere/llama-server"


def test_plan_shows_every_cell_and_sums_up(herd: Herd, tmp_path: Path) -> None:
    told = herd("plan", "pairing=single,cpu", "context=1k,2k", NOWHERE)
    assert told.exit_code == 0
    assert told.stdout.splitlines()[-2:] == [
        "4 cells: 4 run, 0 cached, 0 pruned; 4 server start(s)",
        "no history yet: times are unknown",
    ]
    assert not (tmp_path / "rows").exists()


def test_plan_of_the_demo_is_fourteen_cells(herd: Herd) -> None:
    told = json.loads(herd("plan", "+sweep=demo", NOWHERE, "--format", "json").stdout)
    assert [cell["order"] for cell in told] == list(range(14))
    assert len({cell["cell_id"] for cell in told}) == 14
    special = [c for c in told if c["model"] == "demo-truncated" or c["context"] > 2048]
    assert [(c["quant"], c["context"], c["other"]) for c in special] == [
        ("Q4_1", 16_000_000, "engine.address_space_gib=4 plan.prune=off"),
        ("Q4_1-truncated", 1024, ""),
    ]
    assert {(c["devices"], c["decision"]) for c in told} == {("CPU", "run")}


def test_plan_shows_no_devices_for_a_pairing_that_finds_none(herd: Herd) -> None:
    told = json.loads(herd("plan", "pairing=cpu,pair", NOWHERE, "--format", "json").stdout)
    assert [(cell["pairing"], cell["devices"]) for cell in told] == [("cpu", "CPU"), ("pair", "")]


def test_plan_in_csv_has_no_summary(herd: Herd) -> None:
    told = [*csv.DictReader(io.StringIO(herd("plan", NOWHERE, "--format", "csv").stdout))]
    assert [(cell["model"], cell["decision"]) for cell in told] == [("smollm2-135m", "run")]


def test_a_query_may_begin_with_a_comment(herd: Herd, rows: Path) -> None:
    told = herd("sql", "-- how many?\nselect count(*) as n from cells", "--format", "csv")
    assert told.exit_code == 0, told.stderr
    assert told.stdout.splitlines()[0] == "n"


def test_compact_and_gc_say_what_they_do(herd: Herd, rows: Path) -> None:
    left = rows / "trials/date=2026-03-01/c9.1.parquet"
    left.write_bytes(b"of a killed writer")
    with writing(rows, holder(), wait=False, on_wait=print) as warehouse:
        warehouse.commit_cell(cell("c2"), [trial("c2")], [])
    shown = json.loads(herd("gc", "--format", "json").stdout)
    assert [(each["what"], each["files"]) for each in shown] == [("trials/date=2026-03-01", 1)]
    assert "never committed" in shown[0]["why"]
    assert left.exists()
    assert herd("compact").stdout == "7 files of 1 days compacted, 9 rows\n"
    assert not left.exists()
    counted = herd("sql", "select count(*) as n from trials", "--format", "csv")
    assert counted.stdout == "n\n2\n"


def test_gc_removes_only_when_told_to(herd: Herd, rows: Path) -> None:
    left = rows / "trials/date=2026-03-01/c9.1.parquet.77.tmp"
    left.write_bytes(b"half")
    shown = herd("gc")
    assert "left by a process that was killed" in shown.stdout
    assert "1 files to remove: nothing was changed; --yes does it" in shown.stderr
    assert left.exists()
    assert herd("gc", "--yes").exit_code == 0
    assert not left.exists()


def test_gc_thins_old_telemetry(herd: Herd, rows: Path) -> None:
    with writing(rows, holder(), wait=False, on_wait=print) as warehouse:
        samples = [telemetry("c2", sampled_at=at(each)) for each in range(40)]
        warehouse.commit_cell(cell("c2"), [trial("c2")], samples)
    assert "telemetry/date=2026-03-01" in herd("gc", "--yes").stdout
    counted = herd("sql", "select count(*) as n from telemetry", "--format", "csv")
    assert counted.stdout == "n\n4\n"
    assert "telemetry" not in herd("gc").stdout.replace("compacted", "")


def test_a_damaged_file_is_a_line_and_no_error(herd: Herd, rows: Path) -> None:
    (rows / "trials/date=2026-03-01/c1.1.parquet").write_bytes(b"half")
    answer = herd("sql", "select count(*) as n from trials", "--format", "csv")
    assert (answer.exit_code, answer.stdout) == (0, "n\n0\n")
    assert answer.stderr.startswith("herd: left out: trials/date=2026-03-01/c1.1.parquet: ")
    assert len(answer.stderr.splitlines()) == 1
