import pytest

from orchestrator.pairing import Pairing, Unfit, bind
from tests.unit.orchestrator_samples import device, gpu
from warehouse.rows import Gpu

TWO = (device(0), device(1, "GTX 1050"))
CARDS = (gpu(0), gpu(1, "GTX 1050"))


def test_the_cpu_needs_no_device_and_uses_none() -> None:
    assert bind("cpu", None, TWO, CARDS) == Pairing("cpu", (), ())


def test_auto_is_all_gpus_or_else_the_cpu() -> None:
    assert bind("auto", None, TWO) == Pairing("all", TWO, (1.0, 1.0))
    assert bind("auto", None, ()) == Pairing("cpu", (), ())


@pytest.mark.parametrize(("pattern", "number"), [("single", 1), ("pair", 2), ("all", 2)])
def test_a_pattern_takes_the_first_devices(pattern: str, number: int) -> None:
    bound = bind(pattern, None, TWO)
    assert isinstance(bound, Pairing)
    assert bound.devices == TWO[:number]
    assert bound.split == (1.0,) * number


def test_a_ratio_is_kept_as_written() -> None:
    bound = bind("pair", (14.0, 10.0), TWO)
    assert isinstance(bound, Pairing)
    assert bound.split == (14.0, 10.0)


@pytest.mark.parametrize(
    ("pattern", "seen", "reason"),
    [
        ("single", 0, "pairing single needs 1 GPU(s), the engine sees 0"),
        ("pair", 1, "pairing pair needs 2 GPU(s), the engine sees 1"),
        ("all", 0, "pairing all needs 1 GPU(s), the engine sees 0"),
    ],
)
def test_too_few_devices_are_counted(pattern: str, seen: int, reason: str) -> None:
    assert bind(pattern, None, TWO[:seen]) == Unfit(reason)


def test_a_ratio_has_a_part_for_each_device() -> None:
    assert bind("single", (14.0, 10.0), TWO) == Unfit("split has 2 parts for 1 device(s)")


def test_uuids_are_those_of_the_devices_by_position() -> None:
    bound = bind("single", None, TWO, CARDS)
    assert isinstance(bound, Pairing)
    assert bound.gpu_uuids == ("GPU-0",)


@pytest.mark.parametrize("cards", [(), CARDS[:1], CARDS[::-1]])
def test_no_uuid_is_claimed_where_the_cards_differ(cards: tuple[Gpu, ...]) -> None:
    bound = bind("all", None, TWO, cards)
    assert isinstance(bound, Pairing)
    assert bound.gpu_uuids == ()
