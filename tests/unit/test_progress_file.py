from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from orchestrator.progress import Progress
from orchestrator.progress_file import ProgressFile, read_progress, state_of
from warehouse.folder import FolderStorage
from warehouse.storage import storage_at

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PROGRESS = Progress("w1", "demo", 7, 10, "2026-03-01T12:00:00+00:00", host="alpha")


class Seldom(FolderStorage):
    """A storage that takes one writing an hour."""

    rewrite_interval_s = 3600.0


def written(seconds_ago: float, **changes: Any) -> dict[str, Any]:
    at = (NOW - timedelta(seconds=seconds_ago)).isoformat()
    return {**PROGRESS.to_dict(), "written_at": at, **changes}


def test_what_was_written_is_read_by_sweep(tmp_path: Path) -> None:
    storage = storage_at(tmp_path)
    ProgressFile(storage, "w1").write(PROGRESS)
    ProgressFile(storage, "w2").write(PROGRESS)
    (tmp_path / "progress" / "w3.json.77.tmp").write_text("{")
    assert len(read_progress(storage, None)) == 2
    (found,) = read_progress(storage, "w1")
    assert {k: found[k] for k in PROGRESS.to_dict()} == {**PROGRESS.to_dict(), "running": []}
    assert read_progress(storage, "w9") == []


def test_it_is_written_no_more_often_than_the_storage_likes(tmp_path: Path) -> None:
    storage = Seldom(tmp_path)
    file = ProgressFile(storage, "w1")
    file.write(PROGRESS)
    file.write(PROGRESS.counted("ok"))
    assert read_progress(storage, "w1")[0]["counts"] == {}
    file.write(PROGRESS.counted("ok", 2))
    assert read_progress(storage, "w1")[0]["counts"] == {}


def test_a_process_of_this_host_is_asked_for() -> None:
    assert state_of(written(9999), "alpha", NOW, lambda pid: pid == 7) == (True, "runs")
    stopped = state_of(written(0), "alpha", NOW, lambda _: False)
    assert stopped == (False, "was stopped; the same command continues it")


def test_of_another_host_only_the_file_tells() -> None:
    def never(_: int) -> bool:
        raise AssertionError

    assert state_of(written(5), "beta", NOW, never) == (True, "runs on alpha")
    silent = state_of(written(500), "beta", NOW, never)
    assert silent == (False, "on alpha is silent for 500 s")
