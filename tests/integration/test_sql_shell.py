"""`herd sql` without a query, on a real terminal."""

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.herd_process import Herd, Terminal, until
from tests.warehouse_samples import cell, launch, planned, sweep, trial, warehouse

_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_READS_KEYS = "\x1b[?2004h"
_READS_NO_KEYS = "\x1b[?2004l"
STUCK = "herd: one call of a function runs on and cannot be stopped: herd ends with it"
FOREVER = "with recursive r(n) as (select 1 union all select n + 1 from r) select count(*) from r;"


@pytest.fixture
def herd(tmp_path: Path) -> Iterator[Herd]:
    user = Herd(tmp_path)
    user.env["PAGER"] = "cat"
    store = warehouse(user.warehouse)
    store.write_sweep(sweep(), [planned("c1")], [], [], [])
    store.write_launch(launch(), [])
    store.commit_cell(cell("c1"), [trial("c1")], [])
    yield user
    user.close()


class Typist:
    """A user at the shell: types, and waits for what appears since."""

    def __init__(self, herd: Herd, *args: str) -> None:
        self.terminal = Terminal(herd, "sql", *args)
        self._seen = 0
        self.sees("herd>")

    def types(self, text: str) -> None:
        self._seen = len(self.terminal.text)
        self.terminal.write(text)

    def sees(self, text: str) -> str:
        """Wait for it; all that appeared since the last keys, without colours."""
        until(lambda: text in self._appeared(), 15)
        return self._appeared()

    def _appeared(self) -> str:
        return _ESCAPE.sub("", self.terminal.text[self._seen :])

    def asks(self, text: str, answer: str) -> str:
        """Wait for the answer, and for the prompt after it: keys typed before would be lost."""
        self.types(f"{text}\r")
        until(lambda: "herd>" in self._appeared().partition(answer)[2], 15)
        return self._appeared()

    def presses_ctrl_c(self) -> None:
        """Wait for the new prompt: what is typed before it reads keys is lost."""
        self.types("\x03")
        until(lambda: _READS_KEYS in self.terminal.text[self._seen :], 15)

    def is_answered(self) -> None:
        """Wait until the prompt reads no more: a Ctrl-C before that is a key for the next one."""
        until(lambda: _READS_NO_KEYS in self.terminal.text[self._seen :], 15)

    def leaves(self) -> int:
        self.types("\x04")
        return self.terminal.wait()


@pytest.fixture
def user(herd: Herd) -> Iterator[Typist]:
    typist = Typist(herd)
    yield typist
    typist.terminal.kill()


def test_a_question_of_several_lines_is_answered_at_its_semicolon(user: Typist) -> None:
    user.types("select quant || '-x' as q\r")
    user.sees("..>")
    user.asks("from speed;", "Q4_1-x")
    assert user.leaves() == 0


def test_an_error_does_not_end_the_shell(user: Typist) -> None:
    user.asks("select nope from speed;", "herd: Binder Error")
    user.asks("drop view speed;", "herd: read-only: SELECT or EXPLAIN")
    user.asks("\\nope", "herd: no command \\nope; \\? lists them")
    user.asks("select 40 + 2 as answer;", "42")
    user.types("\\q\r")
    assert user.terminal.wait() == 0


def test_ctrl_c_stops_the_question_and_not_the_shell(user: Typist) -> None:
    user.types(f"{FOREVER}\r")
    user.is_answered()
    before = user.terminal.cpu_s()
    until(lambda: user.terminal.cpu_s() > before + 1)
    user.presses_ctrl_c()
    user.sees("herd: stopped")
    user.asks("select 40 + 2 as answer;", "42")


def test_ctrl_c_clears_the_line(user: Typist) -> None:
    user.types("select no such thing")
    user.sees("thing")
    user.presses_ctrl_c()
    user.asks("select 40 + 2 as answer;", "42")


def test_a_question_that_takes_too_long_is_stopped(herd: Herd) -> None:
    user = Typist(herd, "--timeout", "0.5")
    user.asks(FOREVER, "herd: stopped after 0.5 s")
    user.asks("select 40 + 2 as answer;", "42")
    assert user.leaves() == 0


def test_a_question_that_cannot_be_stopped_ends_with_the_shell(herd: Herd) -> None:
    user = Typist(herd, "--timeout", "0.5")
    user.types("select levenshtein(repeat('a', 1000000), repeat('b', 1000000));\r")
    assert user.terminal.wait() == 1
    assert STUCK in user.sees(STUCK)


def test_help_lists_views_and_explains_one(user: Typist) -> None:
    user.asks("\\?", "\\format F")
    user.asks("\\d trials", "tok/s")
    user.asks("\\d nope", "herd: no view or table 'nope'")


def test_a_row_is_shown_value_by_value(user: Typist) -> None:
    user.types("\\x\r")
    user.sees("herd>")
    shown = user.asks("select quant, context from speed;", "4096")
    assert "quant    Q4_1" in shown
    assert "context  4096" in shown
    user.types("\\format csv\r")
    user.sees("herd>")
    user.asks("select quant, context from speed;", "quant,context\r\nQ4_1,4096")


def test_tab_completes_views_and_columns(user: Typist) -> None:
    user.types("select tg_tok_s from spe\t")
    user.sees("speed_steps")
    user.presses_ctrl_c()
    user.types("select valid_tr\t")
    user.sees("valid_trials")
    user.types(" as n from cells;\r")
    user.sees("n\r\n1\r\n")


def test_history_is_kept_for_its_owner_alone(herd: Herd) -> None:
    first = Typist(herd)
    first.asks("select 40 + 2 as answer;", "42")
    assert first.leaves() == 0
    (path,) = Path(herd.env["XDG_STATE_HOME"]).rglob("sql_history")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    second = Typist(herd)
    second.types("\x1b[A")  # up
    second.sees("select 40 + 2 as answer;")
    second.asks("", "answer;")
    assert second.leaves() == 0


def test_a_shell_without_a_place_for_history_works(herd: Herd) -> None:
    (herd.folder / "state").write_text("a file is in the way")
    user = Typist(herd)
    assert "herd: no history: cannot use" in user.terminal.text
    user.asks("select 40 + 2 as answer;", "42")
    assert user.leaves() == 0


def test_a_long_answer_goes_through_the_pager(herd: Herd) -> None:
    pager = herd.folder / "pager.sh"
    pager.write_text(f"#!/bin/sh\ncat > {herd.folder}/paged\necho was paged\n")
    pager.chmod(0o755)
    herd.env["PAGER"] = str(pager)
    user = Typist(herd)
    user.asks("select 1 as one;", "1")
    assert not (herd.folder / "paged").exists()
    user.asks("select range as n from range(500);", "was paged")
    assert (herd.folder / "paged").read_text().split()[-1] == "499"
    assert user.leaves() == 0


def test_without_a_terminal_the_statements_of_standard_input_are_answered(herd: Herd) -> None:
    herd.env["PAGER"] = "false"
    told = herd.run("sql", "--format", "csv", stdin="select 1 as a;\nselect ';' as b -- end")
    assert (told.returncode, told.stdout, told.stderr) == (0, "a\n1\nb\n;\n", "")


@pytest.mark.parametrize(
    "query",
    [
        "select count(*) from range(1000000000000) a, range(1000000000000) b",
        FOREVER,
        "select levenshtein(repeat('a', 1000000), repeat('b', 1000000))",
        "select * from range(levenshtein(repeat('a', 1000000), repeat('b', 1000000)))",
    ],
)
def test_what_runs_for_ever_ends(herd: Herd, query: str) -> None:
    told = herd.run("sql", "--timeout", "0.5", query, timeout_s=60)
    assert (told.returncode, told.stdout) == (1, "")
    (line,) = told.stderr.splitlines()
    assert line.startswith(("herd: stopped after 0.5 s", STUCK))


@pytest.mark.parametrize(
    "query",
    [
        "select * from generate_series(1, 1000000000000)",
        "select list(range) from range(1000000000)",
        "select string_agg(range::varchar) from range(1000000000)",
        "select len(range(1000000000))",
        "select length(repeat('x', 4000000000))",
        "select a.range from range(100000) a, range(100000) b order by hash(a.range, b.range)",
    ],
)
def test_what_takes_too_much_memory_ends(herd: Herd, query: str) -> None:
    conf = herd.conf / "warehouse" / "local.yaml"
    conf.parent.mkdir(parents=True)
    conf.write_text("defaults: [warehouse_schema, _self_]\nsql_memory_mib: 300\n")
    told = herd.run("sql", query, timeout_s=60)
    assert (told.returncode, told.stdout) == (1, "")
    (line,) = told.stderr.splitlines()
    assert "warehouse.sql_memory_mib" in line
    assert os.strerror(12) not in line
