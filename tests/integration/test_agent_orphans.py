"""Whatever ends an agent cell, its process and the browser that it started are gone."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from tests.herd_process import until
from tests.launches import launch
from workers.contract import CellDone, Event
from workers.engine.config import EngineConfig
from workers.workloads.agent.config import AgentConfig

pytestmark = pytest.mark.timeout(300)
FakeServer = Callable[..., EngineConfig]
BROWSES = AgentConfig(level="L1", tasks=["l1_navigate"])
SILENT = [{"when": "", "answers": [{"silent": True}]}]


def below() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


def named(word: str) -> list[psutil.Process]:
    found = []
    for process in below():
        try:
            if word in " ".join(process.cmdline()) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def browsing() -> list[psutil.Process]:
    """Everything of the cell once its browser draws pages."""
    return below() if named("--type=renderer") or named("--type=zygote") else []


@pytest.mark.parametrize("end", ["kill -9", "cancel"])
def test_no_browser_outlives_its_cell(
    fake_server: FakeServer, any_model: Path, tmp_path: Path, end: str
) -> None:
    cancelled = threading.Event()
    engine = replace(fake_server(chat=SILENT), request_timeout_s=250)
    events = launch(engine, any_model, tmp_path, BROWSES, context=8192, cancelled=cancelled)
    found: list[Event] = []
    runner = threading.Thread(target=_run, args=(events, found))
    runner.start()
    try:
        started: list[psutil.Process] = until(browsing, 150)
        if end == "cancel":
            cancelled.set()
        else:
            (agent,) = [p for p in started if "workers.agent.process" in p.cmdline()]
            agent.kill()
        runner.join(60)
        until(lambda: not any(map(is_alive, started)), 5)
    finally:
        cancelled.set()
        runner.join(60)
    (cell,) = [event for event in found if isinstance(event, CellDone)]
    assert cell.status == ("cancelled" if end == "cancel" else "failed")


def _run(events: Iterator[Event], found: list[Event]) -> None:
    found.extend(events)
