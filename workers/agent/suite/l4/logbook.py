"""The logbook of a harbour: a long English text that several questions share.

One text for all of them: the server's cache has it after the first question.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from workers.agent.suite.draws import MONTHS, PEOPLE, TOWNS, code, distinct, draw, word
from workers.agent.suite.l4.long_text import LongText, Piece, long_text
from workers.agent.suite.spec import PoseContext

_KINDS = ("The brig", "The barge", "The cutter", "The schooner", "The tug", "The ferry")
_CARGO = (
    *("barley", "salt", "timber", "slate", "wool", "coal", "cider", "flour", "bricks", "hemp"),
    *("tin", "linen", "cheese", "iron bars", "paper", "oats", "leather", "glass", "tar", "lime"),
)
_REMARKS = (
    "The watch at the north gate was quiet.",
    "Two ropes were worn through and have been replaced.",
    "Fog came up after noon and lifted at dusk.",
    "The tide stood a hand higher than the table says.",
    "The harbour master signed the papers without remark.",
    "A gull had nested in the signal box again.",
    "The crew asked for fresh water and got it.",
    "The ledger clerk was ill; his nephew wrote for him.",
    "Swell from the west kept the small boats inside.",
    "The customs boat made its round twice.",
    "Paint for the bollards has still not come.",
    "A party of pupils looked at the sluice.",
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the logbook tells beside its entries; each name and number from the seed."""

    lamp_key: str
    diver: str
    diver_fee: int
    bell_weight: int
    captain: str
    shed: str
    moved_to: str
    amber: tuple[int, ...]
    """Crates of amber, landing by landing."""
    west_crane: int
    """What the repair of the west crane cost; that of the east crane is not told."""
    toll_wrong: int
    toll_right: int
    inspectors: tuple[str, str, str]
    """In the order of their visits."""


AMBER_DEPTHS = (0.04, 0.19, 0.33, 0.52, 0.68, 0.83, 0.96)


def evidence(seed: int) -> Evidence:
    """What a seed's logbook tells."""
    source = draw("logbook", seed)
    people = source.sample(PEOPLE, 5)
    shed, moved_to = source.sample(TOWNS, 2)
    low, high = sorted(distinct(source, 2, 31, 95))
    wrong, right = (low, high) if source.random() < 0.5 else (high, low)
    return Evidence(
        lamp_key=code(source),
        diver=people[0],
        diver_fee=source.randrange(101, 990),
        bell_weight=source.randrange(211, 1880),
        captain=people[1],
        shed=f"{shed} shed",
        moved_to=f"{moved_to} vault",
        amber=tuple(source.randrange(3, 40) for _ in AMBER_DEPTHS),
        west_crane=source.randrange(1100, 9800),
        toll_wrong=wrong,
        toll_right=right,
        inspectors=(people[2], people[3], people[4]),
    )


def pieces(told: Evidence) -> list[Piece]:
    """The evidence, each piece at its depth."""
    visits = zip((0.29, 0.61, 0.87), told.inspectors, strict=True)
    landings = zip(AMBER_DEPTHS, told.amber, strict=True)
    return [
        Piece(0.10, f"The spare key of the lamp room was given the number {told.lamp_key} today."),
        Piece(
            0.50, f"The diver {told.diver} was paid {told.diver_fee} crowns for the sluice gate."
        ),
        Piece(
            0.90, f"The new fog bell was weighed: {told.bell_weight} pounds without its clapper."
        ),
        Piece(0.25, f"Captain {told.captain} had all her charts brought to the {told.shed}."),
        Piece(0.75, f"The {told.shed} was emptied; all it held now lies in the {told.moved_to}."),
        Piece(0.40, f"The repair of the west crane cost {told.west_crane} crowns."),
        Piece(0.15, f"The toll for rafts was set at {told.toll_wrong} crowns a season."),
        Piece(
            0.65,
            f"The toll for rafts was noted wrongly above: it is {told.toll_right} crowns a season.",
        ),
        *(Piece(at, f"Inspector {name} looked at the lighthouse lens.") for at, name in visits),
        *(Piece(at, f"{count} crates of amber were landed.") for at, count in landings),
    ]


def entries(seed: int) -> Iterator[str]:
    """Entries without end, none of which touches the evidence."""
    source = draw("logbook entries", seed)
    number = 0
    while True:
        number += 1
        day = f"{source.randrange(1, 29)} {source.choice(MONTHS)}"
        ship = f"{source.choice(_KINDS)} {word(source).capitalize()}"
        yield (
            f"Entry {number}, {day}. {ship} came in from {source.choice(TOWNS)} at "
            f"{source.randrange(4, 22)}:{source.randrange(10, 60)} with {source.randrange(2, 90)} "
            f"tons of {source.choice(_CARGO)} and took berth {source.randrange(1, 15)}. "
            f"{source.choice(_REMARKS)}"
        )


@lru_cache(maxsize=2)
def logbook(seed: int, context: PoseContext) -> LongText:
    """The logbook of a seed, as long as the context takes."""
    return long_text(lambda: entries(seed), pieces(evidence(seed)), context)
