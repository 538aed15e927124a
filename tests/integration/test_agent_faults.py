"""Agent cells through whole sweeps: what is kept of them, and what no fault loses or leaves."""

import os
from pathlib import Path

import psutil
import pytest

from tests.agent_tasks import CHAT, SILENT, says, sweep_of_sums
from tests.herd_process import Herd, until
from tests.object_store import object_store

pytestmark = pytest.mark.timeout(600)
RUNS = (
    "select task, outcome, transcript_path from agent_runs "
    "join latest_cells using (cell_id, attempt)"
)


def fine(process: object) -> str:
    code, out, err = (getattr(process, name) for name in ("returncode", "stdout", "stderr"))
    assert code == 0, out + err
    return str(out)


def agents(herd: Herd) -> list[psutil.Process]:
    """The processes of agent cells that run."""
    return [p for p in herd.processes() if "workers.agent.process" in " ".join(p.cmdline()[:4])]


def cells(herd: Herd) -> list[tuple[int, str, str | None]]:
    found = herd.query("select attempt, status, failure_class from cells order by attempt")
    return [(r["attempt"], r["status"], r["failure_class"]) for r in found]


def under_way(herd: Herd) -> psutil.Process:
    """The process of the agent cell, once its first run has ended."""

    def started() -> list[psutil.Process]:
        told = [*herd.warehouse.rglob("progress/*.json")]
        return agents(herd) if any(b"right" in p.read_bytes() for p in told) else []

    found: list[psutil.Process] = until(started, 200)
    (process,) = found
    return process


def finishes(herd: Herd, *statuses: tuple[int, str, str | None]) -> None:
    """The engine has come to its senses: the same command ends the sweep, each run once."""
    says(herd, CHAT)
    fine(herd.run(*sweep_of_sums(herd), timeout_s=200))
    assert cells(herd) == [*statuses, (len(statuses) + 1, "ok", None)]
    found = herd.query(RUNS)
    assert sorted((r["task"], r["outcome"]) for r in found) == [
        ("right", "success"),
        ("wrong", "failure"),
    ]
    assert "1 cached" in fine(herd.run(*sweep_of_sums(herd)))


def test_a_sweep_keeps_inspects_log_and_shows_its_table(herd: Herd) -> None:
    from inspect_ai.log import read_eval_log

    says(herd, CHAT)
    out = fine(herd.run(*sweep_of_sums(herd), timeout_s=200))
    assert "first_try_pct" in out
    assert "1/1: 1 ok" in out
    paths = {r["transcript_path"] for r in herd.query(RUNS)}
    (path,) = paths
    log = read_eval_log(str(herd.warehouse / path))
    assert [str(sample.id) for sample in log.samples or ()] == ["right", "wrong"]
    fine(herd.run("compact"))
    fine(herd.run("gc", "--yes"))
    assert (herd.warehouse / path).is_file()
    left = herd.warehouse / path.replace(".1.eval", ".9.eval")
    left.write_bytes(b"of a driver that was killed before its commit")
    assert "transcripts/date=" in fine(herd.run("gc"))
    fine(herd.run("gc", "--yes"))
    assert not left.exists()
    assert (herd.warehouse / path).is_file()


def test_a_log_goes_to_a_bucket_too(herd: Herd, tmp_path: Path) -> None:
    from inspect_ai.log import read_eval_log

    with object_store() as store:
        uri = f"s3://{store.bucket()}/team/herd"
        says(herd, CHAT)
        herd.env |= {**store.environ, "HERD_WAREHOUSE": uri}
        fine(herd.run(*sweep_of_sums(herd), timeout_s=200))
        key = next(k for k in store.keys(uri.split("/")[2]) if k.endswith(".eval"))
        assert "/transcripts/date=" in f"/{key}"
        copy = tmp_path / "copy.eval"
        copy.write_bytes(store.get(f"{uri.split('/')[2]}/{key}"))
        assert read_eval_log(str(copy)).status == "success"


def test_kill_9_of_the_agent_process_is_a_row_and_tried_again(herd: Herd) -> None:
    says(herd, SILENT)
    process = herd.start(*sweep_of_sums(herd, "plan.max_attempts=1"))
    under_way(herd).kill()
    out, _ = process.communicate(timeout=200)
    assert process.returncode == 0, out
    assert cells(herd) == [(1, "failed", "crash")]
    (row,) = herd.query("select reason from cells")
    assert "the agent process ended (signal 9)" in row["reason"]
    assert not herd.processes()
    finishes(herd, (1, "failed", "crash"))


def test_kill_9_of_the_server(herd: Herd) -> None:
    says(herd, SILENT)
    process = herd.start(*sweep_of_sums(herd, "plan.max_attempts=1"))
    under_way(herd)
    (server,) = herd.servers()
    server.kill()
    process.communicate(timeout=200)
    assert cells(herd) == [(1, "failed", "crash")]
    assert not agents(herd)
    finishes(herd, (1, "failed", "crash"))


def test_kill_9_of_the_worker(herd: Herd) -> None:
    says(herd, SILENT)
    process = herd.start(*sweep_of_sums(herd, "plan.max_attempts=1"))
    agent = under_way(herd)
    worker = agent.parent()
    assert worker is not None
    worker.kill()
    until(lambda: not _alive(agent), 2)
    process.communicate(timeout=200)
    assert [c[1] for c in cells(herd)] == ["failed"]
    finishes(herd, *cells(herd))


def test_kill_9_of_the_driver(herd: Herd) -> None:
    says(herd, SILENT)
    process = herd.start(*sweep_of_sums(herd))
    agent = under_way(herd)
    process.kill()
    process.wait()
    until(lambda: not _alive(agent), 10)
    herd.wait_gone(herd.processes, 30)
    finishes(herd)


def _alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_host_without_the_extra_says_what_to_install(herd: Herd) -> None:
    hidden = herd.folder / "hidden"
    hidden.mkdir()
    # not installed, as far as that process can find
    (hidden / "sitecustomize.py").write_text(
        "import sys, importlib.util as u\n"
        "found = u.find_spec\n"
        "u.find_spec = lambda name, *more: None if name == 'inspect_ai' else found(name, *more)\n"
    )
    herd.env["PYTHONPATH"] = os.fspath(hidden)
    says(herd, CHAT)
    fine(herd.run(*sweep_of_sums(herd), timeout_s=200))
    assert cells(herd) == [(1, "failed", "engine_missing")]
    (row,) = herd.query("select reason from cells")
    assert row["reason"].startswith("this host lacks inspect_ai: install what herd's extra")
    del herd.env["PYTHONPATH"]
    finishes(herd, (1, "failed", "engine_missing"))
