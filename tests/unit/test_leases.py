from dataclasses import replace

import pytest

from orchestrator.leases import find_lease, uses_host
from tests.unit.fleet_samples import gpu_host, launches, on
from tests.unit.orchestrator_samples import ENGINE

TWO = gpu_host("a", "RTX 3060", "RTX 3060", "GTX 1050")
SINGLE, PAIR, ALL = launches([on("RTX 3060"), on("RTX 3060 + GTX 1050"), on("all")], TWO)


def names(lease: object) -> list[str]:
    return [device.name for device in lease.devices]  # type: ignore[attr-defined]


def test_a_launch_gets_the_first_free_card_of_the_model_that_it_wants() -> None:
    first = find_lease(SINGLE, gpu_host("a", "GTX 1050", "RTX 3060"), (), alone=True)
    assert first is not None
    assert names(first) == ["CUDA1"]
    assert first.gpu_uuids == ("a-1",)
    assert first.hosts == ("a",)


def test_devices_and_uuids_are_those_of_the_host_that_runs_it() -> None:
    other = gpu_host("b", "GTX 1050", "RTX 3060", "RTX 3060")
    lease = find_lease(PAIR, other, (), alone=True)
    assert lease is not None
    assert names(lease) == ["CUDA1", "CUDA0"]  # a 3060 first, as the pairing splits it
    assert lease.gpu_uuids == ("b-1", "b-0")


def test_disjoint_launches_run_side_by_side_until_no_card_is_left() -> None:
    first = find_lease(SINGLE, TWO, (), alone=False)
    assert first
    second = find_lease(SINGLE, TWO, [first], alone=False)
    assert second
    assert {*first.gpu_uuids, *second.gpu_uuids} == {"a-0", "a-1"}
    assert find_lease(SINGLE, TWO, [first, second], alone=False) is None
    assert find_lease(ALL, TWO, [first], alone=False) is None
    assert find_lease(PAIR, TWO, [first], alone=False)


def test_who_wants_a_host_alone_waits_and_is_left_alone() -> None:
    lease = find_lease(SINGLE, TWO, (), alone=True)
    assert lease
    assert find_lease(SINGLE, TWO, [lease], alone=False) is None
    shared = find_lease(SINGLE, TWO, (), alone=False)
    assert shared
    assert find_lease(SINGLE, TWO, [shared], alone=True) is None


def test_cards_of_one_name_in_slower_slots_are_not_alike() -> None:
    cards = TWO.host.gpus
    slow = replace(cards[1], pcie_width=4)
    unlike = replace(TWO, host=replace(TWO.host, gpus=(cards[0], slow, cards[2])))
    first = find_lease(SINGLE, unlike, (), alone=False)
    assert first
    assert find_lease(SINGLE, unlike, [first], alone=False) is None


def test_devices_that_are_no_known_card_are_leased_with_the_whole_host() -> None:
    unseen = replace(TWO, host=replace(TWO.host, gpus=()))
    lease = find_lease(SINGLE, unseen, (), alone=False)
    assert lease
    assert lease.alone


@pytest.mark.parametrize(
    "changes",
    [
        {"n_gpu_layers": "20"},
        {"n_cpu_moe": 4},
        {"override_tensor": "exps=CPU"},
        {"kv_offload": False},
    ],
)
def test_what_lies_in_the_hosts_memory_disturbs_the_others(changes: dict[str, object]) -> None:
    assert replace(ENGINE, **changes).offloads  # type: ignore[arg-type]
    assert not ENGINE.offloads


def test_the_cpu_is_the_host_itself() -> None:
    (on_cpu,) = launches([on("cpu")], TWO)
    assert uses_host(on_cpu)
    assert not uses_host(ALL)
    lease = find_lease(on_cpu, TWO, (), alone=True)
    assert lease is not None
    assert lease.devices == ()
