"""Pairings: from a pattern to exact devices of a host. Pure.

A pattern may mean several pairings: on a host with two RTX 3060 and a GTX 1050, `pair` is a
3060 + 3060 and a 3060 + 1050. Cards of one name are alike, so each combination comes once, on
the first of them in the engine's order.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import gcd
from typing import Literal

from orchestrator.gpu_names import names_match, short_name
from orchestrator.patterns import Card, Count, Keyword, Named, Pattern, joined, parse_pattern
from warehouse.rows import Gpu
from workers.engine.build import EngineDevice

BY_MEMORY: Literal["by_memory"] = "by_memory"
Split = tuple[float, ...] | Literal["by_memory"] | None
"""How a model is split over devices: a ratio, by their memory, or None for evenly."""

RUNS_LATER = "running over two hosts comes later"
"""Why a pairing with devices of another host is not run."""


@dataclass(frozen=True, slots=True)
class RemoteDevice:
    """A device of another host, reached over llama.cpp's RPC backend."""

    host_id: str
    device: EngineDevice


@dataclass(frozen=True, slots=True)
class Pairing:
    """A pairing bound to a host's devices."""

    pattern: str
    """As asked, with `auto` resolved; where the pattern means several, the cards by name."""
    devices: tuple[EngineDevice, ...]
    """In split order; none is the CPU."""
    split: tuple[float, ...]
    """A share for each device, those of the other host last."""
    gpu_uuids: tuple[str, ...] = ()
    """NVML uuids of the devices, as far as they are known."""
    remote: tuple[RemoteDevice, ...] = ()
    """Devices of another host: such a pairing can be planned, not run (`RUNS_LATER`)."""


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why a pairing cannot be had on a host."""

    reason: str


Seat = EngineDevice | RemoteDevice


def bind(
    pattern: str,
    split: Split,
    devices: Sequence[EngineDevice],
    gpus: Sequence[Gpu] = (),
    *,
    others: Mapping[str, Sequence[EngineDevice]] | None = None,
    split_mode: str | None = None,
    main_gpu: int | None = None,
) -> tuple[Pairing, ...] | Unfit:
    """Every distinct pairing that a pattern means on a host; at least one.

    Args:
        pattern: as `orchestrator.patterns` defines it.
        split: a ratio follows the order in which the pattern names cards, else the engine's.
        devices: what the engine sees there.
        gpus: what NVML sees there.
        others: devices of other hosts, by host.
        split_mode: llama.cpp's; `none` uses one GPU.
        main_gpu: llama.cpp's; position among the pairing's devices.

    Raises:
        ConfigError: unknown pattern.
    """
    parsed = parse_pattern(pattern)
    if parsed is Keyword.AUTO:
        parsed = Keyword.ALL if devices else Keyword.CPU
    if parsed is Keyword.CPU:
        return (Pairing(Keyword.CPU.value, (), ()),)
    choices = _choices(parsed, devices, others or {})
    if isinstance(choices, Unfit):
        return choices
    uuids = {name: gpu.uuid for name, gpu in gpus_of(devices, gpus).items()}
    one = len(choices) == 1 and parsed is not Keyword.EVERY
    bound = [
        _moded(
            _bound(str(parsed) if one else _label(seats), seats, split, uuids), split_mode, main_gpu
        )
        for seats in choices
    ]
    fit = tuple(pairing for pairing in bound if isinstance(pairing, Pairing))
    return fit or next(pairing for pairing in bound if isinstance(pairing, Unfit))


def _choices(
    pattern: Pattern,
    devices: Sequence[EngineDevice],
    others: Mapping[str, Sequence[EngineDevice]],
) -> list[tuple[Seat, ...]] | Unfit:
    """The distinct combinations of cards, each on exact devices in split order."""
    match pattern:
        case Named(cards):
            return _named(cards, devices, others)
        case Count(number):
            sizes = range(number, number + 1)
        case Keyword.EVERY:
            sizes = range(1, len(devices) + 1)
        case _:
            sizes = range(len(devices), len(devices) + 1)
    wanted = max(1, sizes.start)
    if len(devices) < wanted:
        return Unfit(f"pairing {pattern} needs {wanted} GPU(s), the engine sees {len(devices)}")
    return sorted((each for each in _multisets(devices) if len(each) in sizes), key=len)


def _multisets(devices: Sequence[EngineDevice]) -> Iterator[tuple[Seat, ...]]:
    """Every combination of GPU models once, most of the first models first, engine's order."""
    numbers = Counter(device.description for device in devices)
    for taken in product(*(range(number, -1, -1) for number in numbers.values())):
        left = Counter(dict(zip(numbers, taken, strict=True)))
        chosen = []
        for device in devices:
            if left[device.description]:
                left[device.description] -= 1
                chosen.append(device)
        yield tuple(chosen)


def _named(
    cards: Sequence[Card],
    devices: Sequence[EngineDevice],
    others: Mapping[str, Sequence[EngineDevice]],
) -> list[tuple[Seat, ...]] | Unfit:
    """One card after the other; a loose name may match several models, then each is tried."""
    found: list[tuple[Seat, ...]] = [()]
    for card in cards:
        seats: list[Seat] = list(devices)
        if card.host:
            seats = [RemoteDevice(card.host, each) for each in others.get(card.host, ())]
        longer: dict[tuple[str, ...], tuple[Seat, ...]] = {}
        for chosen in found:
            for seat in _next_seats(card, seats, chosen):
                more = (*chosen, seat)
                longer.setdefault(tuple(sorted(map(_model, more))), more)
        if not longer:
            return _missing(cards, card, seats)
        found = list(longer.values())
    return found


def _next_seats(card: Card, seats: Sequence[Seat], chosen: Sequence[Seat]) -> Iterable[Seat]:
    """The first device that is still free, of each model that the name matches."""
    free = (s for s in seats if s not in chosen and names_match(card.name, _device(s).description))
    first: dict[str, Seat] = {}
    for seat in free:
        first.setdefault(_model(seat), seat)
    return first.values()


def _missing(cards: Sequence[Card], card: Card, seats: Sequence[Seat]) -> Unfit:
    has = joined(short_name(_device(seat).description) for seat in seats) or "no GPU"
    who = f"host {card.host} has" if card.host else "the engine sees"
    return Unfit(f"pairing {Named(tuple(cards))} needs {cards.count(card)}x {card}, {who} {has}")


def _device(seat: Seat) -> EngineDevice:
    return seat.device if isinstance(seat, RemoteDevice) else seat


def _model(seat: Seat) -> str:
    """What makes two seats alike: the card's model, and whose it is."""
    return f"{_device(seat).description}@{_host(seat) or ''}"


def _host(seat: Seat) -> str | None:
    return seat.host_id if isinstance(seat, RemoteDevice) else None


def _label(seats: Sequence[Seat]) -> str:
    """The seats as a pattern by name."""
    return joined(str(Card(short_name(_device(s).description), _host(s))) for s in seats)


def _bound(
    pattern: str, seats: Sequence[Seat], split: Split, uuids: Mapping[str, str]
) -> Pairing | Unfit:
    shares = _shares(split, [_device(seat).total_mib for seat in seats])
    if len(shares) != len(seats):
        return Unfit(f"split has {len(shares)} parts for {len(seats)} device(s)")
    own = tuple(seat for seat in seats if isinstance(seat, EngineDevice))
    known = tuple(uuids[device.name] for device in own if device.name in uuids)
    remote = tuple(seat for seat in seats if isinstance(seat, RemoteDevice))
    return Pairing(pattern, own, shares, known, remote)


def _shares(split: Split, memory_mib: Sequence[int]) -> tuple[float, ...]:
    """The split in numbers.

    Memory counts in whole GiB and as small as it goes: the same on every driver, and on alike
    cards the same as an even split, so that both are one server configuration.
    """
    if split is None:
        return (1.0,) * len(memory_mib)
    if split != BY_MEMORY:
        return split
    gib = [max(1, round(mib / 1024)) for mib in memory_mib]
    return tuple(float(each // gcd(*gib)) for each in gib)


def _moded(
    pairing: Pairing | Unfit, split_mode: str | None, main_gpu: int | None
) -> Pairing | Unfit:
    """Split modes that would leave devices of the pairing unused, or name one that is not in it."""
    if isinstance(pairing, Unfit) or split_mode not in ("none", "row"):
        return pairing
    number = len(pairing.split)
    if split_mode == "none" and number > 1:
        return Unfit(f"split mode none uses one GPU, pairing {pairing.pattern} has {number}")
    if main_gpu is not None and not 0 <= main_gpu < number:
        return Unfit(f"main_gpu={main_gpu}, pairing {pairing.pattern} has {number} GPU(s)")
    return pairing


def gpus_of(devices: Sequence[EngineDevice], gpus: Sequence[Gpu]) -> dict[str, Gpu]:
    """GPUs by the engine's names of devices.

    Both count by PCI bus (`CUDA_DEVICE_ORDER=PCI_BUS_ID` is set for the engine), so equal
    lists of names mean the same cards; where they differ, nothing is claimed.
    """
    same = len(devices) == len(gpus) and all(
        gpu.name in device.description or device.description in gpu.name
        for device, gpu in zip(devices, gpus, strict=True)
    )
    pairs = zip(devices, gpus, strict=True) if same else ()
    return {device.name: gpu for device, gpu in pairs}
