import json
from dataclasses import replace

import pytest

from orchestrator.progress import Progress, Running, duration, summary

START = Progress(sweep_id="w1", name="demo", pid=7, total=10, started_at="2026-03-01T12:00:00")


def test_every_outcome_is_finished() -> None:
    progress = START.counted("cached", 3).counted("ok").counted("failed").counted("ok")
    assert progress.counts == {"cached": 3, "ok": 2, "failed": 1}
    assert progress.finished == 6
    assert START.counts == {}


def test_the_time_left_is_that_of_the_cells_measured_so_far() -> None:
    """4 measured in 60 s and 3 cached leave 3 of 10: 45 s."""
    measured = START.counted("cached", 3).counted("ok", 3).counted("failed")
    assert replace(measured, measured_s=60.0).left_s == 45.0


def test_before_the_first_cell_the_time_left_is_unknown() -> None:
    assert START.counted("cached", 3).counted("cancelled").left_s is None


def test_a_launch_does_one_thing_at_a_time_and_a_host_may_have_several() -> None:
    loading = Running("alpha", "a", launch_id="l1")
    measuring = Running("alpha", "a", "tg32", 3, 10, 42.5, "l1")
    beside = Running("alpha", "b", launch_id="l2")
    progress = START.at(loading).at(beside).at(measuring)
    assert set(progress.running) == {measuring, beside}
    assert progress.without("l1").running == (beside,)
    assert progress.without("l3") == progress


def test_the_progress_file_holds_what_status_shows() -> None:
    running = Running("alpha", "a", "tg32", 3, 10)
    told = json.loads(json.dumps(START.counted("ok").at(running).to_dict()))
    assert (told["sweep_id"], told["name"], told["pid"], told["total"]) == ("w1", "demo", 7, 10)
    assert told["counts"] == {"ok": 1}
    assert told["ended"] is False
    assert told["left_s"] == 0.0
    shown = {"host_id": "alpha", "cell": "a", "step": "tg32", "done": 3, "total": 10}
    assert told["running"] == [{**shown, "tok_s": None, "launch_id": "", "temperature_c": None}]


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({}, "nothing yet"),
        ({"ok": 0}, "nothing yet"),
        ({"cached": 1, "failed": 2, "ok": 10}, "10 ok, 2 failed, 1 cached"),
    ],
)
def test_counts_in_words(counts: dict[str, int], words: str) -> None:
    assert summary(counts) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "unknown"),
        (0, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (125, "2 min 05 s"),
        (3599.9, "1 h 00 min"),
        (7384, "2 h 03 min"),
    ],
)
def test_a_time_in_words(seconds: float | None, words: str) -> None:
    assert duration(seconds) == words
