from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.pairing import BY_MEMORY, Pairing, RemoteDevice, Split, Unfit, bind
from tests.unit.orchestrator_samples import device, gpu
from warehouse.rows import Gpu
from workers.engine.build import EngineDevice

TWO = (device(0), device(1, "GTX 1050"))
CARDS = (gpu(0), gpu(1, "GTX 1050"))
MIXED = (device(0), device(1, "GTX 1050"), device(2))


def bound(
    pattern: str, devices: tuple[EngineDevice, ...], split: Split = None
) -> list[tuple[str, str]]:
    """Patterns and devices of what a pattern means."""
    pairings = bind(pattern, split, devices)
    assert not isinstance(pairings, Unfit), pairings
    return [(each.pattern, " ".join(d.name for d in each.devices)) for each in pairings]


def only(pattern: str, split: Split, devices: tuple[EngineDevice, ...] = TWO) -> Pairing:
    pairings = bind(pattern, split, devices)
    assert not isinstance(pairings, Unfit), pairings
    (pairing,) = pairings
    return pairing


def test_the_cpu_needs_no_device_and_uses_none() -> None:
    assert bind("cpu", None, TWO, CARDS) == (Pairing("cpu", (), ()),)


def test_auto_is_all_gpus_or_else_the_cpu() -> None:
    assert bind("auto", None, TWO) == (Pairing("all", TWO, (1.0, 1.0)),)
    assert bind("auto", None, ()) == (Pairing("cpu", (), ()),)


@pytest.mark.parametrize(("pattern", "number"), [("single", 1), ("pair", 2), ("3", 3), ("all", 4)])
def test_of_alike_cards_the_first_are_taken_and_the_pattern_is_kept(
    pattern: str, number: int
) -> None:
    four = tuple(device(i) for i in range(4))
    pairing = only(pattern, None, four)
    assert (pairing.pattern, pairing.devices) == (pattern, four[:number])
    assert pairing.split == (1.0,) * number


def test_a_pattern_means_each_distinct_combination_of_unlike_cards() -> None:
    assert bound("single", MIXED) == [("RTX 3060", "CUDA0"), ("GTX 1050", "CUDA1")]
    assert bound("pair", MIXED) == [
        ("2x RTX 3060", "CUDA0 CUDA2"),
        ("RTX 3060 + GTX 1050", "CUDA0 CUDA1"),
    ]
    assert bound("3", MIXED) == [("3", "CUDA0 CUDA1 CUDA2")]
    assert bound("all", MIXED) == [("all", "CUDA0 CUDA1 CUDA2")]


def test_every_is_all_of_them() -> None:
    assert bound("every", MIXED) == [
        ("RTX 3060", "CUDA0"),
        ("GTX 1050", "CUDA1"),
        ("2x RTX 3060", "CUDA0 CUDA2"),
        ("RTX 3060 + GTX 1050", "CUDA0 CUDA1"),
        ("RTX 3060 + GTX 1050 + RTX 3060", "CUDA0 CUDA1 CUDA2"),
    ]
    assert bound("every", TWO[:1]) == [("RTX 3060", "CUDA0")]


@pytest.mark.parametrize(
    ("pattern", "devices"),
    [
        ("RTX 3060", "CUDA0"),
        ("GTX 1050", "CUDA1"),
        ("RTX 3060 + GTX 1050", "CUDA0 CUDA1"),
        ("GTX 1050 + RTX 3060", "CUDA1 CUDA0"),
        ("2x RTX 3060", "CUDA0 CUDA2"),
        ("2x RTX 3060 + GTX 1050", "CUDA0 CUDA2 CUDA1"),
    ],
)
def test_names_take_their_cards_in_their_order(pattern: str, devices: str) -> None:
    assert bound(pattern, MIXED) == [(pattern, devices)]


def test_a_loose_name_means_each_card_that_it_matches() -> None:
    cards = (device(0, "GTX 1060 3GB"), device(1, "GTX 1060 6GB"), device(2, "GTX 1060 6GB"))
    assert bound("GTX 1060", cards) == [("GTX 1060 3GB", "CUDA0"), ("GTX 1060 6GB", "CUDA1")]
    assert bound("2x GTX 1060", cards) == [
        ("GTX 1060 3GB + GTX 1060 6GB", "CUDA0 CUDA1"),
        ("2x GTX 1060 6GB", "CUDA1 CUDA2"),
    ]
    assert bound("GTX 1060 + GTX 1060 3GB", cards) == [
        ("GTX 1060 + GTX 1060 3GB", "CUDA1 CUDA0"),
    ]


@pytest.mark.parametrize(
    ("pattern", "seen", "reason"),
    [
        ("single", 0, "pairing single needs 1 GPU(s), the engine sees 0"),
        ("pair", 1, "pairing pair needs 2 GPU(s), the engine sees 1"),
        ("all", 0, "pairing all needs 1 GPU(s), the engine sees 0"),
        ("every", 0, "pairing every needs 1 GPU(s), the engine sees 0"),
        ("5", 2, "pairing 5 needs 5 GPU(s), the engine sees 2"),
        ("RTX 3060", 0, "pairing RTX 3060 needs 1x RTX 3060, the engine sees no GPU"),
        (
            "2x RTX 3060",
            2,
            "pairing 2x RTX 3060 needs 2x RTX 3060, the engine sees RTX 3060 + GTX 1050",
        ),
    ],
)
def test_what_a_host_lacks_is_told(pattern: str, seen: int, reason: str) -> None:
    assert bind(pattern, None, TWO[:seen]) == Unfit(reason)


def test_a_ratio_follows_the_order_in_which_cards_are_named() -> None:
    assert only("pair", (14.0, 10.0)).split == (14.0, 10.0)
    named = only("GTX 1050 + RTX 3060", (14.0, 10.0))
    assert dict(zip([d.description for d in named.devices], named.split, strict=True)) == {
        "GTX 1050": 14.0,
        "RTX 3060": 10.0,
    }


def test_a_ratio_has_a_part_for_each_device() -> None:
    assert bind("single", (14.0, 10.0), TWO) == Unfit("split has 2 parts for 1 device(s)")
    assert bound("every", TWO, (14.0, 10.0)) == [("RTX 3060 + GTX 1050", "CUDA0 CUDA1")]


@pytest.mark.parametrize(
    ("memory_mib", "split"),
    [
        ((11910, 1998), (6.0, 1.0)),
        ((12288, 12036), (1.0, 1.0)),
        ((24576, 12288, 8192), (6.0, 3.0, 2.0)),
        ((12288,), (1.0,)),
        ((300, 2048), (1.0, 2.0)),
    ],
)
def test_a_split_by_memory_is_resolved_to_small_numbers(
    memory_mib: tuple[int, ...], split: tuple[float, ...]
) -> None:
    cards = tuple(EngineDevice(f"CUDA{i}", "GTX", mib, 0) for i, mib in enumerate(memory_mib))
    assert only("all", BY_MEMORY, cards).split == split


@pytest.mark.parametrize(
    ("pattern", "split_mode", "main_gpu", "reason"),
    [
        ("pair", "none", 0, "split mode none uses one GPU, pairing pair has 2"),
        ("pair", "row", 2, "main_gpu=2, pairing pair has 2 GPU(s)"),
        ("pair", "row", -1, "main_gpu=-1, pairing pair has 2 GPU(s)"),
        ("GTX 1050", "none", 1, "main_gpu=1, pairing GTX 1050 has 1 GPU(s)"),
        ("pair", "row", 1, None),
        ("GTX 1050", "none", 0, None),
        ("pair", "layer", 7, None),
        ("pair", "row", None, None),
    ],
)
def test_a_split_mode_uses_every_device_and_names_one_of_them(
    pattern: str, split_mode: str, main_gpu: int | None, reason: str | None
) -> None:
    pairings = bind(pattern, None, TWO, split_mode=split_mode, main_gpu=main_gpu)
    told = pairings.reason if isinstance(pairings, Unfit) else None
    assert told == reason


def test_cards_of_another_host_come_last_with_a_share_of_the_split() -> None:
    beta = (device(0), device(1))
    pairings = bind("GTX 1050 + 2x RTX 3060@beta", BY_MEMORY, TWO, CARDS, others={"beta": beta})
    assert pairings == (
        Pairing(
            "GTX 1050 + 2x RTX 3060@beta",
            (TWO[1],),
            (1.0, 1.0, 1.0),
            ("GPU-1",),
            tuple(RemoteDevice("beta", each) for each in beta),
        ),
    )


def test_a_host_that_is_not_there_has_no_card() -> None:
    reason = "pairing RTX 3060 + RTX 3060@beta needs 1x RTX 3060@beta, host beta has no GPU"
    assert bind("RTX 3060 + RTX 3060@beta", None, TWO) == Unfit(reason)


def test_uuids_are_those_of_the_devices() -> None:
    pairings = bind("GTX 1050", None, TWO, CARDS)
    assert not isinstance(pairings, Unfit)
    assert pairings[0].gpu_uuids == ("GPU-1",)


@pytest.mark.parametrize("cards", [(), CARDS[:1], CARDS[::-1]])
def test_no_uuid_is_claimed_where_the_cards_differ(cards: tuple[Gpu, ...]) -> None:
    pairings = bind("all", None, TWO, cards)
    assert not isinstance(pairings, Unfit)
    assert pairings[0].gpu_uuids == ()


MODELS = ("RTX 3060", "RTX 3060 Ti", "GTX 1060 3GB", "GTX 1060 6GB")
HOSTS = st.lists(st.sampled_from(MODELS), max_size=6).map(
    lambda models: tuple(device(i, model) for i, model in enumerate(models))
)
NAMES = st.lists(st.sampled_from([*MODELS, "GTX 1060"]), min_size=1, max_size=4).map(" + ".join)
PATTERNS = st.sampled_from(["auto", "cpu", "single", "pair", "3", "all", "every"]) | NAMES
SPLITS = st.sampled_from([None, BY_MEMORY, (14.0, 10.0)])


@given(HOSTS, PATTERNS, SPLITS)
def test_pairings_never_repeat_and_never_overlap_a_device(
    devices: tuple[EngineDevice, ...], pattern: str, split: Split
) -> None:
    pairings = bind(pattern, split, devices)
    assert pairings == bind(pattern, split, devices)
    if isinstance(pairings, Unfit):
        return
    hardware = [tuple(sorted(d.description for d in each.devices)) for each in pairings]
    assert len(set(hardware)) == len(hardware) > 0
    assert len({each.pattern for each in pairings}) == len(pairings)
    for each in pairings:
        assert len(set(each.devices)) == len(each.devices) == len(each.split)
        assert set(each.devices) <= set(devices)


@given(HOSTS)
def test_every_has_each_combination_that_the_cards_allow(
    devices: tuple[EngineDevice, ...],
) -> None:
    number = 1
    for alike in Counter(each.description for each in devices).values():
        number *= alike + 1
    pairings = bind("every", None, devices)
    assert (0 if isinstance(pairings, Unfit) else len(pairings)) == number - 1
