import json
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from orchestrator.progress import Progress, Running
from orchestrator.progress_file import ProgressFile
from orchestrator.view import View, cell_words, host_lines, told
from tests.unit.orchestrator_samples import START, planned, spec
from tests.warehouse_samples import trial
from warehouse.storage import storage_at
from workers.contract import CellDone

PROGRESS = Progress(sweep_id="w1", name="demo", pid=7, total=10, started_at="2026-03-01T12:00:00")
CELL = planned(spec(cache_v="q4_0", other_axes=(("workload.prompt_sizes", [128, 512]),)))
WORDS = "tiny Q4_1 ctx 4096 f16/q4_0 cpu speed workload.prompt_sizes=[128, 512]"


class Screen:
    """A view with what it writes."""

    def __init__(self, folder: Path, *, terminal: bool = False) -> None:
        self.file = folder / "progress" / "w1.json"
        self._text = StringIO()
        console = Console(
            file=self._text,
            force_terminal=terminal,
            width=200,
            color_system=None,
            legacy_windows=False,
        )
        self.view = View(console, ProgressFile(storage_at(folder), "w1"))

    @property
    def text(self) -> str:
        return self._text.getvalue()


def test_a_cell_in_words_holds_every_axis() -> None:
    assert cell_words(CELL) == WORDS


def test_what_a_cell_came_to_is_told_by_step_and_depth() -> None:
    speeds = {0: (50.0, 52.0, 51.0), 4096: (30.0, 31.0), 8192: (20.0, 22.0, 21.0)}
    trials = [trial("c", depth=d, tg_tok_s=s) for d, found in speeds.items() for s in found]
    lost = trial("c", depth=8192, tg_tok_s=1.0, valid=False)
    done = CellDone("c", 1, "ok", None, START, START, (*trials, lost), ())
    assert told(done) == "tg32 51.0 at 0, 21.0 at 8192 tok/s  (1 invalid trials)"
    flat = replace(done, trials=tuple(trials[:3]))
    assert told(flat) == "tg32 51.0 tok/s"
    assert told(replace(done, trials=())) == ""


@pytest.mark.parametrize("outcome", ["ok", "failed", "cancelled"])
def test_a_cell_that_ends_is_a_line(tmp_path: Path, outcome: str) -> None:
    screen = Screen(tmp_path)
    screen.view.ended(CELL, outcome, "tg32 41.0 tok/s")
    assert screen.text == f"  {outcome} {WORDS}  tg32 41.0 tok/s\n"


@pytest.mark.parametrize(
    "reason", ["failed to open [/models/a.gguf]", "RPC0[host] x [bold]", "[/]"]
)
def test_a_line_of_a_log_is_shown_as_it_is(tmp_path: Path, reason: str) -> None:
    """It would else be markup, and a closing tag without its opening one an error."""
    screen = Screen(tmp_path)
    screen.view.ended(CELL, "failed", reason)
    screen.view.say(reason)
    assert screen.text == f"  failed {WORDS}  {reason}\n{reason}\n"


def test_a_long_line_is_not_broken(tmp_path: Path) -> None:
    screen = Screen(tmp_path)
    screen.view.say("x" * 500)
    assert screen.text == "x" * 500 + "\n"


def test_the_bar_shows_what_runs_and_what_is_done(tmp_path: Path) -> None:
    screen = Screen(tmp_path, terminal=True)
    running = Running("alpha", "tiny [/x]", "tg32", 3, 10, 41.04)
    with screen.view.shown():
        screen.view.draw(PROGRESS.counted("ok", 4).at(running))
    assert "tiny [/x]: tg32 3/10 41.0 tok/s" in screen.text
    assert "4/10" in screen.text
    assert "4 ok; about 0 s left" in screen.text


def test_each_launch_and_each_host_that_does_not_measure_has_a_line() -> None:
    runs = (
        Running("beta", "big", "tg", 1, 9, 7.0, "l2", temperature_c=71.4),
        Running("alpha", "small", launch_id="l1"),
    )
    progress = replace(PROGRESS, running=runs, hosts={"gamma": "fetches m.gguf: 3 of 9 MiB"})
    assert [line.plain for line in host_lines(progress)] == [
        "alpha  small: starting 0/0",
        "beta  big: tg 1/9 7.0 tok/s 71 C",
        "gamma  fetches m.gguf: 3 of 9 MiB",
    ]


def test_without_a_terminal_there_is_no_bar_but_the_progress_file(tmp_path: Path) -> None:
    screen = Screen(tmp_path)
    with screen.view.shown():
        screen.view.draw(PROGRESS.counted("ok"))
    assert screen.text.strip() == ""
    assert json.loads(screen.file.read_text())["counts"] == {"ok": 1}


def test_the_end_is_drawn_however_soon_it_comes(tmp_path: Path) -> None:
    screen = Screen(tmp_path)
    screen.view.draw(PROGRESS)
    screen.view.draw(replace(PROGRESS, ended=True))
    assert json.loads(screen.file.read_text())["ended"] is True


def test_without_a_terminal_the_counts_are_a_line(tmp_path: Path) -> None:
    screen = Screen(tmp_path)
    progress = Progress("s", "demo", 1, 14, "", counts={"ok": 3, "failed": 1}, measured_s=40)
    screen.view.counted(progress)
    assert screen.text == "  4/14: 3 ok, 1 failed; about 1 min 40 s left\n"
