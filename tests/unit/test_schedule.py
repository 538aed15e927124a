from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from orchestrator.cells import FileKey
from orchestrator.host_view import HostView
from orchestrator.leases import FileState, HostState
from orchestrator.plan import PlannedLaunch
from orchestrator.rules import Rules
from orchestrator.schedule import Assignment, Schedule
from orchestrator.wants import Stuck, Wanted
from tests.unit.fleet_samples import gpu_host, launches, on
from tests.unit.orchestrator_samples import plan_of, spec, view
from workers.workloads.depth_curve.config import DepthCurveConfig
from workers.workloads.speed.config import SpeedConfig

TINY: FileKey = ("tiny", "Q4_1", None)
BIG: FileKey = ("big", "Q4_1", None)
SHARED = Rules(exclusive=False)
A, B = (gpu_host(name, "RTX 3060", "RTX 3060") for name in "ab")
OTHER = gpu_host("c", "RTX 3090", hardware_class="other")


def schedule(
    queue: Sequence[PlannedLaunch],
    *hosts: HostView,
    rules: Rules = Rules(),  # noqa: B008
) -> Schedule:
    made = Schedule(queue, rules)
    for host in hosts:
        made.set_host(HostState(host))
    return made


def contexts(assigned: Sequence[Assignment]) -> list[tuple[str, int]]:
    return [(each.host_id, each.launch.first.spec.context) for each in assigned]


def end(made: Schedule, assignment: Assignment, now_s: float) -> list[Assignment]:
    made.release(assignment, now_s, measured=True)
    return made.assign(now_s)


def test_hosts_of_a_class_share_its_launches_and_other_classes_have_their_own() -> None:
    queue = launches([on("single"), on("single", 8192), on("single", 16384)], A, B, OTHER)
    made = schedule(queue, A, B, OTHER)
    first = made.assign(0.0)
    assert sorted(each.host_id for each in first) == ["a", "b", "c"]
    assert len(made) == len(queue) - 3
    second = end(made, first[0], 9.0)
    assert [each.host_id for each in second] == [first[0].host_id]
    assert made.assign(9.0) == []


def test_a_host_runs_one_launch_at_a_time() -> None:
    made = schedule(launches([on("single"), on("single", 8192)], A), A)
    (first,) = made.assign(0.0)
    assert made.assign(1.0) == []
    assert len(end(made, first, 2.0)) == 1


def test_shared_hosts_run_disjoint_launches_side_by_side() -> None:
    queue = launches([on("single"), on("single", 8192), on("single", 16384)], A)
    for rules in (SHARED, Rules(undisturbed={("a", "gpus"): 2})):
        assigned = schedule(queue, A, rules=rules).assign(0.0)
        assert sorted(each.lease.gpu_uuids for each in assigned) == [("a-0",), ("a-1",)]


def test_cards_of_another_model_are_lanes_of_their_own() -> None:
    mixed = gpu_host("m", "RTX 3060", "GTX 1050")
    specs = [on(name, 1024 * n) for n in (1, 2) for name in ("RTX 3060", "GTX 1050")]
    assigned = schedule(launches(specs, mixed), mixed, rules=SHARED).assign(0.0)
    assert sorted(each.lease.gpu_uuids for each in assigned) == [("m-0",), ("m-1",)]


def test_what_uses_the_host_runs_alone_on_a_shared_host_too() -> None:
    queue = launches([on("single"), on("cpu"), on("single", 8192), on("cpu", 8192)], A)
    made = schedule(queue, A, rules=SHARED)
    seen, now_s = [], 0.0
    running = made.assign(now_s)
    while running:
        seen.append(sorted(each.lease.alone for each in running))
        now_s += 10.0
        for each in running:
            made.release(each, now_s, measured=True)
        running = made.assign(now_s)
    assert sorted(seen) == [[False, False], [True], [True]]


def test_a_wide_launch_does_not_wait_for_all_narrow_ones() -> None:
    many = [on("single", 1024 * number) for number in range(1, 15)]
    queue = launches([*many[:4], on("pair"), *many[4:]], A)
    made = schedule(queue, A, rules=SHARED)
    order, now_s = [], 0.0
    running = made.assign(now_s)
    while running:
        order += [len(each.lease.devices) for each in running]
        now_s += 10.0
        for each in running:
            made.release(each, now_s, measured=True)
        running = made.assign(now_s)
    assert order.index(2) < 5
    assert sorted(order) == [1] * 14 + [2]


def test_a_host_is_drained_for_a_wide_launch_that_comes_late() -> None:
    narrow = launches([on("single", 1024 * number) for number in range(1, 200)], A)
    made = schedule(narrow, A, rules=SHARED)
    running = made.assign(0.0)
    made.add(launches([on("pair")], A))
    starts, now_s = 2, 0.0
    while not any(len(each.lease.devices) == 2 for each in running):
        now_s += 10.0
        made.release(running.pop(0), now_s, measured=True)
        started = made.assign(now_s)
        running += started
        starts += len(started)
    assert starts < 40  # long before the last


def test_long_launches_come_first_where_history_tells_nothing() -> None:
    curve = DepthCurveConfig()
    specs = [on("single", context, workload=curve) for context in (2048, 65536, 8192)]
    queue = launches(specs, A)
    made = schedule(queue, A)
    found, now_s = [], 0.0
    running = made.assign(now_s)
    while running:
        found += contexts(running)
        now_s += 10.0
        running = end(made, running[0], now_s)
    assert [context for _, context in found] == [65536, 8192, 2048]


def test_a_host_stays_with_a_model_file_and_hosts_spread_over_files() -> None:
    queue = launches(
        [on("single", 1024 * number, model) for number in range(1, 9) for model in ("tiny", "big")],
        A,
        B,
    )
    made = schedule(queue, A, B)
    files: dict[str, list[FileKey]] = {"a": [], "b": []}
    running, now_s = made.assign(0.0), 0.0
    while running:
        assignment = running.pop(0)
        files[assignment.host_id].append(assignment.launch.first.spec.file_key)
        now_s += 10.0
        running += end(made, assignment, now_s)
    for seen in files.values():
        assert sum(a != b for a, b in pairwise(seen)) == 0
    assert {*files["a"], *files["b"]} == {TINY, BIG}


def test_a_cell_of_several_launches_stays_on_one_host_in_turns() -> None:
    specs = [on("single", context, launches=3) for context in (4096, 8192)]
    made = schedule(launches(specs, A, B), A, B, rules=SHARED)
    order = []
    running, now_s = made.assign(0.0), 0.0
    while running:
        assert len({each.launch.first.cell_id for each in running}) == len(running)
        assert len({each.host_id for each in running}) == 1
        order += contexts(running)
        now_s += 10.0
        running = end(made, running[0], now_s)
    assert [context for _, context in order] in ([4096, 8192] * 3, [8192, 4096] * 3)


def test_turns_go_on_where_an_earlier_sweep_began_them() -> None:
    (launch, *_) = queue = launches([on("single", launches=3)], A, B)
    for before, expected in (("a", "a"), ("b", "b"), ("gone", "a")):
        made = Schedule(queue, measured_on={launch.first.cell_id: {before: 1}})
        for host in (A, B):
            made.set_host(HostState(host))
        assert [each.host_id for each in made.assign(0.0)] == [expected]
    made = Schedule(queue, measured_on={launch.first.cell_id: {"b": 1}})
    made.set_host(HostState(A))
    made.set_host(HostState(B, files={TINY: FileState.NEVER}))
    assert [each.host_id for each in made.assign(0.0)] == ["a"]


def test_another_host_takes_over_the_turns_of_one_that_is_gone() -> None:
    made = schedule(launches([on("single", launches=3)], A, B), A, B)
    (first,) = made.assign(0.0)
    (lost,) = made.lose_host(first.host_id)
    made.put_back(lost.launch)
    (again,) = made.assign(1.0)
    assert again.host_id != first.host_id
    assert again.launch == first.launch
    made.set_host(HostState({"a": A, "b": B}[first.host_id]))
    assert made.assign(2.0) == []


def test_a_cell_that_failed_is_tried_on_another_host() -> None:
    (launch,) = launches([on("single")], A, B)
    made = schedule([launch], A, B)
    (first,) = made.assign(0.0)
    made.release(first, 1.0, measured=False)
    made.retry(first, launch.first)
    (second,) = made.assign(1.0)
    assert second.host_id != first.host_id
    made.lose_host(second.host_id)
    made.retry(first, launch.first)
    (third,) = made.assign(2.0)  # the one that failed it is all that is left
    assert third.host_id == first.host_id


def test_a_cell_that_failed_where_others_cannot_have_the_file_is_tried_there_again() -> None:
    (launch,) = launches([on("single")], A, B)
    made = schedule([launch], A)
    made.set_host(HostState(B, files={TINY: FileState.NEVER}))
    (first,) = made.assign(0.0)
    made.release(first, 1.0, measured=False)
    made.retry(first, launch.first)
    assert [each.host_id for each in made.assign(1.0)] == ["a"]


def test_draining_and_quarantined_hosts_end_what_they_run_and_get_no_more() -> None:
    queue = launches([on("single", 1024 * number) for number in range(1, 5)], A)
    for changes in ({"draining": True}, {"quarantined": "3 cells in a row failed"}):
        made = schedule(queue, A)
        (first,) = made.assign(0.0)
        made.set_host(replace(HostState(A), **changes))
        assert end(made, first, 1.0) == []
        made.set_host(HostState(A))
        assert len(made.assign(2.0)) == 1


def test_only_who_is_idle_without_a_file_is_to_fetch_one() -> None:
    queue = launches([on("single"), on("single", 8192), on("single", model="big")], A)
    made = schedule(queue)
    made.set_host(HostState(A, files={BIG: FileState.AWAY}))
    (first,) = made.assign(0.0)
    assert made.wanted() == []
    (second,) = end(made, first, 9.0)
    assert end(made, second, 20.0) == []
    assert made.wanted() == [Wanted("a", BIG)]
    made.set_host(HostState(A, files={BIG: FileState.COMING}))
    assert made.wanted() == []
    assert made.assign(25.0) == []
    made.set_host(HostState(A))
    assert [each.launch.first.spec.file_key for each in made.assign(30.0)] == [BIG]


def test_one_launch_is_not_fetched_for_by_two_hosts() -> None:
    made = schedule(launches([on("single")], A, B))
    for host in (A, B):
        made.set_host(HostState(host, files={TINY: FileState.AWAY}))
    assert len(made.wanted()) == 1


def test_a_host_that_joins_shares_what_waits() -> None:
    specs = [on("single", 1024 * number) for number in range(1, 5)]
    made = schedule(launches(specs, A), A)
    made.assign(0.0)
    made.set_host(HostState(B))
    assert made.assign(1.0) == []  # no cell is planned for it yet
    made.rebind(plan_of(*specs, hosts=(A, B)).cells)
    assert [each.host_id for each in made.assign(1.0)] == ["b"]
    assert len(made) == 2


def test_a_cell_that_failed_for_good_leaves_the_queue() -> None:
    plan = plan_of(spec(launches=2), spec(launches=2, workload=SpeedConfig(n_predict=7)))
    first, second = plan.launches()[0].cells
    made = schedule(plan.launches(), view())
    assert made.drop(first.cell_id) == 2
    assert [launch.cells for launch in made.launches()] == [(second,), (second,)]
    assert made.drop(second.cell_id) == 2
    assert len(made) == 0
    assert made.drop(second.cell_id) == 0


def test_what_no_host_can_take_is_told_with_its_reason() -> None:
    (launch,) = launches([on("single")], A)
    made = schedule([launch])
    assert made.stuck() == [Stuck(launch, "its hosts are gone: a")]
    made.set_host(HostState(A, draining=True))
    assert made.stuck() == [Stuck(launch, "every host that it fits is being drained: a")]
    made.set_host(HostState(A, files={TINY: FileState.NEVER}))
    (stuck,) = made.stuck()
    assert stuck.missing_model
    made.set_host(HostState(gpu_host("a", "RTX 4090")))
    assert "devices" in made.stuck()[0].reason
    made.set_host(HostState(A, quarantined="for now"))
    assert made.stuck() == []


def test_a_pinned_launch_runs_on_its_host() -> None:
    queue = [replace(each, host="b") for each in launches([on("single")], A, B)]
    made = schedule(queue, A, B)
    (first,) = made.assign(0.0)
    assert first.host_id == "b"
    made.release(first, 1.0, measured=False)
    made.retry(first, first.launch.first)
    assert [each.host_id for each in made.assign(1.0)] == ["b"]


def test_a_cleared_queue_is_empty_and_what_runs_goes_on() -> None:
    made = schedule(launches([on("single"), on("single", 8192)], A), A)
    (first,) = made.assign(0.0)
    made.clear()
    assert len(made) == 0
    assert made.running("a") == (first,)
    assert end(made, first, 1.0) == []
