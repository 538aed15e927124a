from dataclasses import replace

import pytest

from tests.unit.orchestrator_samples import planned, request
from warehouse.errors import FleetError
from workers.contract import LaunchRequest
from workers.running import Running


def launch(name: str, *uuids: str) -> LaunchRequest:
    return replace(request(planned()), launch_id=name, gpu_uuids=uuids, devices=uuids)


def test_a_device_is_never_leased_twice() -> None:
    running = Running()
    with running.leased(launch("a", "GPU-0", "GPU-1")), running.leased(launch("b", "GPU-2")):
        with pytest.raises(FleetError, match="GPU-1 is leased to launch a"):
            running.leased(launch("c", "GPU-1", "GPU-3")).__enter__()
        with running.leased(launch("c", "GPU-3")):
            pass
    with running.leased(launch("c", "GPU-1", "GPU-3")):
        pass


def test_the_cpu_is_a_device() -> None:
    running = Running()
    with running.leased(launch("a")), pytest.raises(FleetError, match="cpu is leased"):
        running.leased(launch("b")).__enter__()


def test_one_launch_is_cancelled_or_all_and_those_to_come() -> None:
    running = Running()
    with running.leased(launch("a", "0")) as a, running.leased(launch("b", "1")) as b:
        running.cancel("a")
        assert (a.is_set(), b.is_set()) == (True, False)
        running.cancel(None)
        assert b.is_set()
    with running.leased(launch("late", "0")) as late:
        assert late.is_set()
