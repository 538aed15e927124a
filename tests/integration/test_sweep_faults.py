"""Faults of the issue "the main job runs", on the whole of herd with a fake llama-server."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence

import psutil
import pytest

from tests.herd_process import Herd, Terminal, interrupt, until

QUICK = ("workload.prompt_sizes=[64]", "workload.n_predict=8", "workload.repetitions=2")


def sweep(herd: Herd, *overrides: str, engine: str = "fake") -> tuple[str, ...]:
    model = herd.model_file()
    fixed = ("model=file", f"model.path={model}", "pairing=cpu", f"engine={engine}")
    return ("sweep", *fixed, *QUICK, *overrides)


def outcomes(herd: Herd) -> dict[str, tuple[str, str | None]]:
    """Of the latest sweep: engine or context to outcome and failure class."""
    rows = herd.query(
        "select engine, context, outcome, failure_class from outcomes "
        "where sweep_id = (select max(sweep_id) from sweeps) order by plan_order"
    )
    return {f"{r['engine']} {r['context']}": (r["outcome"], r["failure_class"]) for r in rows}


def committed(herd: Herd) -> list[tuple[int, int, str]]:
    rows = herd.query("select context, attempt, status from cells order by context, attempt")
    return [(r["context"], r["attempt"], r["status"]) for r in rows]


def fine(process: subprocess.CompletedProcess[str]) -> str:
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout


def test_every_fault_of_an_engine_is_a_row_and_the_sweep_goes_on(herd: Herd) -> None:
    herd.engine("fake")
    herd.engine("gone", binary=str(herd.folder / "no-such-server"))
    plain = herd.folder / "plain"
    plain.write_text("no program")
    herd.engine("plain", binary=str(plain))
    herd.engine("never_ready", never_ready=True, start_timeout_s=1)
    herd.engine("dies", crash_after_requests=2)
    herd.engine("dies_streaming", crash_in_stream=3)
    herd.engine("hangs", hang_in_request=2, request_timeout_s=1)
    herd.engine("oom", fail_start="ggml_backend_cuda_buffer_type_alloc_buffer: allocating "
                "187500.00 MiB on device 0: cudaMalloc failed: out of memory\n"
                "llama_init_from_model: failed to initialize the context: "
                "failed to allocate buffer for kv cache")  # fmt: skip
    names = "fake,gone,plain,never_ready,dies,dies_streaming,hangs,oom"
    fine(herd.run(*sweep(herd, "plan.max_attempts=1", engine=names)))
    assert outcomes(herd) == {
        "fake 4096": ("ok", None),
        "gone 4096": ("failed", "engine_missing"),
        "plain 4096": ("failed", "engine_missing"),
        "never_ready 4096": ("failed", "start_timeout"),
        "dies 4096": ("failed", "crash"),
        "dies_streaming 4096": ("failed", "crash"),
        "hangs 4096": ("failed", "run_timeout"),
        "oom 4096": ("failed", "oom_context"),
    }
    tails = {r["engine"]: r["log_tail"] for r in herd.query(
        "select c.engine, f.log_tail from failures f join cells c using (cell_id, attempt)"
    )}  # fmt: skip
    assert "cudaMalloc failed" in tails["oom"]
    assert not herd.processes()


def test_launches_in_rounds_and_a_failure_for_good_ends_its_own(herd: Herd) -> None:
    herd.engine("fake")
    herd.engine("oom", fail_start="alloc_tensor_range: failed to allocate CPU buffer of size 9")
    asked = sweep(herd, "context=4096,8192", "plan.launches=3")
    out = fine(herd.run(*asked))
    assert "6/6: 6 ok" in out
    order = herd.query("select context, attempt from cells order by started_at")
    assert [r["attempt"] for r in order] == [1, 1, 2, 2, 3, 3]
    assert len(herd.query("select distinct launch_id from cells")) == 6
    assert "2 cells, 2 cached" in fine(herd.run(*asked))
    out = fine(herd.run(*sweep(herd, "plan.launches=3", engine="oom")))
    assert "3/3: 3 failed" in out
    assert len(herd.query("select * from cells where status = 'failed'")) == 1


def test_a_failure_that_may_pass_is_tried_again(herd: Herd) -> None:
    herd.engine("dies", crash_after_requests=2)
    fine(herd.run(*sweep(herd, engine="dies")))
    assert committed(herd) == [(4096, 1, "failed"), (4096, 2, "failed")]
    fine(herd.run(*sweep(herd, engine="dies")))
    assert len(committed(herd)) == 4, "a crash is not cached"


def test_a_failure_for_good_is_cached(herd: Herd) -> None:
    herd.engine(
        "oom",
        fail_start="ggml_aligned_malloc: insufficient memory\n"
        "llama_init_from_model: failed to initialize the context: "
        "failed to allocate buffer for kv cache",
    )
    fine(herd.run(*sweep(herd, engine="oom")))
    fine(herd.run(*sweep(herd, engine="oom")))
    assert committed(herd) == [(4096, 1, "failed")]
    assert outcomes(herd) == {"oom 4096": ("cached", "oom_context")}


def test_the_same_command_measures_nothing_anew_and_force_does(herd: Herd) -> None:
    herd.engine("fake")
    command = sweep(herd, "context=1k,2k")
    fine(herd.run(*command))
    said = fine(herd.run(*command))
    assert "2 cached" in said
    assert committed(herd) == [(1024, 1, "ok"), (2048, 1, "ok")]
    planned = fine(herd.run("plan", *command[1:]))
    assert "2 cached" in planned
    fine(herd.run(*command, "--force"))
    assert committed(herd) == [(1024, 1, "ok"), (1024, 2, "ok"), (2048, 1, "ok"), (2048, 2, "ok")]
    assert len(herd.query("select * from speed")) == 2


def test_cells_of_one_server_share_a_launch(herd: Herd) -> None:
    herd.engine("fake")
    fine(herd.run(*sweep(herd, "workload.n_predict=4,8,16")))
    assert herd.query("select count(*) as n from launches")[0]["n"] == 1
    rows = herd.query("select cell_id, count(*) as n from trials where valid group by all")
    assert [row["n"] for row in rows] == [4, 4, 4]


SLOW = {"tg_tok_s": 8, "pp_tok_s": 2000}
"""A cell takes some 2 seconds: time to strike in its middle."""


def begin(herd: Herd, *contexts: str) -> tuple[tuple[str, ...], subprocess.Popen[str]]:
    """Start a slow sweep and wait until its first cell is committed and the second is under way."""
    herd.engine("fake", **SLOW)
    command = sweep(herd, f"context={','.join(contexts)}")
    process = herd.start(*command)
    until(lambda: any(herd.warehouse.glob("cells/*/*.parquet")))
    until(lambda: _under_way(herd, contexts[1]))
    return command, process


def _under_way(herd: Herd, context: str) -> bool:
    return any(context in p.cmdline() for p in herd.servers())


def finish(herd: Herd, command: Sequence[str], contexts: Sequence[str]) -> None:
    """The same command finishes the sweep: every cell ok exactly once, with all its trials."""
    fine(herd.run(*command))
    rows = herd.query("select context, count(*) as n from cells where status = 'ok' group by all")
    assert {r["context"]: r["n"] for r in rows} == {int(c): 1 for c in contexts}
    trials = herd.query("select cell_id, attempt, count(*) as n from trials group by all")
    assert {r["n"] for r in trials} == {4}
    assert not herd.processes()


def test_ctrl_c_keeps_rows_and_leaves_no_process(herd: Herd) -> None:
    contexts = ("1024", "2048", "3072")
    command, process = begin(herd, *contexts)
    interrupt(process)
    assert process.wait(timeout=30) == 130
    herd.wait_gone(herd.processes, 2)
    statuses = [status for _, _, status in committed(herd)]
    assert statuses == ["ok", "cancelled"]
    assert outcomes(herd)["fake 3072"] == ("pending", None)
    finish(herd, command, contexts)


def test_ctrl_c_twice_ends_at_once(herd: Herd) -> None:
    contexts = ("1024", "2048", "3072")
    herd.engine("fake", **SLOW, ignore_sigterm=True, stop_timeout_s=60)
    command = sweep(herd, f"context={','.join(contexts)}")
    process = herd.start(*command)
    until(lambda: _under_way(herd, "1024"))
    until(lambda: any(herd.warehouse.glob("launches/*/*.parquet")))
    interrupt(process)
    assert process.stdout is not None
    output = process.stdout
    until(lambda: "Ctrl-C again" in output.readline())
    interrupt(process)
    assert process.wait(timeout=20) == 130
    herd.wait_gone(herd.servers, 2)
    herd.wait_gone(herd.processes, 10)


def test_kill_9_of_the_driver(herd: Herd) -> None:
    contexts = ("1024", "2048", "3072")
    command, process = begin(herd, *contexts)
    without_end = "select status, failure_class from launches where ended_at is null"
    until(lambda: herd.query(without_end))
    process.kill()
    process.wait()
    herd.wait_gone(herd.servers, 2)
    assert [status for _, _, status in committed(herd)] == ["ok"]
    assert herd.query(without_end) == [{"status": "ok", "failure_class": None}]
    finish(herd, command, contexts)
    assert herd.query(without_end) == [{"status": "failed", "failure_class": "host_lost"}]
    assert not list(herd.tmp.glob("herd-run-*")), "the killed driver's run folder is removed"


def test_kill_9_of_the_worker(herd: Herd) -> None:
    contexts = ("1024", "2048", "3072")
    _, process = begin(herd, *contexts)
    (worker,) = herd.workers()
    before = herd.servers()
    worker.kill()
    _, alive = psutil.wait_procs(before, timeout=2)
    assert not alive
    assert process.wait(timeout=60) == 0
    assert committed(herd) == [
        (1024, 1, "ok"),
        (2048, 1, "failed"),
        (2048, 2, "ok"),
        (3072, 1, "ok"),
    ]
    (lost,) = herd.query("select failure_class, launch_status, launch_id, reason from failures")
    assert lost["reason"] == (
        f"the worker (pid {worker.pid}) was killed, by somebody or by the kernel for want of "
        "memory (dmesg tells), or it crashed"
    )
    assert (lost["failure_class"], lost["launch_status"]) == ("host_lost", "failed")
    assert herd.query("select launch_id from launches where status <> 'ok'") == [
        {"launch_id": lost["launch_id"]}
    ]
    assert not herd.processes()


def test_kill_9_of_the_server(herd: Herd) -> None:
    contexts = ("1024", "2048")
    _, process = begin(herd, *contexts)
    (server,) = herd.servers()
    server.kill()
    assert process.wait(timeout=60) == 0
    assert committed(herd) == [(1024, 1, "ok"), (2048, 1, "failed"), (2048, 2, "ok")]


def test_a_second_sweep_is_told_who_holds_the_warehouse(herd: Herd) -> None:
    contexts = [str(1024 * i) for i in range(1, 9)]  # a start of the second takes its time
    command, process = begin(herd, *contexts)
    second = herd.run(*command)
    assert second.returncode == 1
    assert f"pid {process.pid}" in second.stderr
    assert "--wait" in second.stderr
    assert len(second.stderr.strip().splitlines()) == 1
    waiting = herd.start(*command, "--wait")
    assert process.wait(timeout=60) == 0
    assert waiting.wait(timeout=60) == 0
    assert "waiting: " in waiting.communicate()[0]
    assert committed(herd) == [(int(context), 1, "ok") for context in contexts]


def test_a_second_sweep_is_told_who_holds_the_host(herd: Herd) -> None:
    contexts = [str(1024 * i) for i in range(1, 9)]  # a start of the second takes its time
    command, process = begin(herd, *contexts)
    elsewhere = (f"warehouse.uri={herd.folder / 'other'}",)
    second = herd.run(*command, *elsewhere)
    assert second.returncode == 1
    assert f"pid {process.pid}" in second.stderr
    waiting = herd.start(*sweep(herd, "context=1024"), *elsewhere, "--wait")
    assert process.wait(timeout=60) == 0
    assert waiting.wait(timeout=60) == 0


def test_status_from_another_terminal(herd: Herd) -> None:
    _, process = begin(herd, "1024", "2048", "3072")
    live = until(lambda: _told(fine(herd.run("status")), "runs: 1 ok of 3"))
    assert "ctx 2048" in live
    assert process.wait(timeout=60) == 0
    after = fine(herd.run("status"))
    assert "runs" not in after
    (sweep_id,) = [r["sweep_id"] for r in herd.query("select sweep_id from sweeps")]
    assert fine(herd.run("status", sweep_id)).count(" ok ") == 3


def _told(text: str, words: str) -> str | None:
    return text if words in text else None


def test_live_view_and_ctrl_c_on_a_terminal(herd: Herd) -> None:
    herd.engine("fake", **SLOW)
    terminal = Terminal(herd, *sweep(herd, "context=1024,2048,3072"))
    until(lambda: "ctx 2048" in terminal.text and "1 ok" in terminal.text)
    assert "left" in terminal.text
    assert "1/3" in terminal.text
    terminal.press_ctrl_c()
    assert terminal.wait() == 130
    assert "Traceback" not in terminal.text
    assert "raylet" not in terminal.text
    herd.wait_gone(herd.processes, 2)
    assert [status for _, _, status in committed(herd)] == ["ok", "cancelled"]


def test_a_warehouse_that_cannot_be_written_is_one_line(herd: Herd) -> None:
    herd.engine("fake")
    herd.warehouse.write_text("a file is in the way")
    result = herd.run(*sweep(herd))
    assert result.returncode == 1
    (line,) = result.stderr.strip().splitlines()
    assert str(herd.warehouse) in line


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small disk: needs root")
def test_a_full_disk_is_one_line_and_the_sweep_continues_elsewhere(herd: Herd) -> None:
    herd.engine("fake")
    herd.warehouse.mkdir()
    small = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(herd.warehouse)]
    subprocess.run(small, check=True)
    try:
        contexts = "range(1024,20481,256)"
        result = herd.run(*sweep(herd, f"context={contexts}"))
        assert result.returncode == 1
        (line,) = result.stderr.strip().splitlines()
        assert "full" in line
        done = len(committed(herd))
        assert done >= 1
        subprocess.run(["mount", "-o", "remount,size=64m", str(herd.warehouse)], check=True)
        fine(herd.run(*sweep(herd, f"context={contexts}")))
        assert len(committed(herd)) == 77
        assert not herd.processes()
    finally:
        subprocess.run(["umount", str(herd.warehouse)], check=True)


def test_sigterm_ends_like_ctrl_c(herd: Herd) -> None:
    _, process = begin(herd, "1024", "2048")
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 130
    herd.wait_gone(herd.processes, 2)


def test_ray_asks_for_its_token(herd: Herd) -> None:
    """Nobody without it talks to the embedded Ray of a running sweep."""
    _, process = begin(herd, "1024", "2048")
    words = {word for p in herd.processes() for word in p.cmdline()}
    (address,) = {w.partition("=")[2] for w in words if w.startswith("--gcs-address=")}
    knock = f"from ray._raylet import GcsClient; GcsClient(address='{address}')"
    for mode in (
        {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0" * 64},
        {"RAY_AUTH_MODE": "disabled"},
    ):
        refused = subprocess.run(
            [sys.executable, "-c", knock],
            env={**herd.env, **mode},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert refused.returncode != 0
        assert "InvalidAuthToken" in refused.stderr
    assert process.wait(timeout=60) == 0
    modes = [path.stat().st_mode & 0o777 for path in herd.folder.rglob("ray_token")]
    assert modes == [0o600]
