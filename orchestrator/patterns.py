"""Pairings as users write them: the grammar of the axis `pairing`. Pure.

auto cpu single pair all every      words
3                                   a number of GPUs
RTX 3060                            by name, one GPU
RTX 3060 + GTX 1050                 by name, in the order of the split
2x RTX 3060                         the same card twice
RTX 3060 + RTX 3060@beta            the second one on the host beta, over llama.cpp's RPC
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import groupby

from warehouse.errors import ConfigError

MAX_GPUS = 64
"""More in one pairing is taken for a mistake."""

_COUNT_WORDS = {"single": 1, "pair": 2}
_CARD = re.compile(
    r"(?:(?P<count>\d+)\s*[xX]\s+)?(?P<name>(?!\d+\s*[xX]\s)[^@]+?)\s*(?:@\s*(?P<host>[\w.-]+))?"
)


class Keyword(StrEnum):
    """A pairing that is one word and no number of GPUs."""

    AUTO = "auto"
    """All GPUs, or the CPU on a host without any."""
    CPU = "cpu"
    ALL = "all"
    EVERY = "every"
    """Every distinct pairing of the host's GPUs, of any size."""


@dataclass(frozen=True, slots=True)
class Count:
    """So many GPUs, whichever."""

    number: int

    def __str__(self) -> str:
        words = {number: word for word, number in _COUNT_WORDS.items()}
        return words.get(self.number, str(self.number))


@dataclass(frozen=True, slots=True)
class Card:
    """One GPU by name."""

    name: str
    host: str | None = None
    """The other host that has it; None is the host that runs the server."""

    def __str__(self) -> str:
        return f"{self.name}@{self.host}" if self.host else self.name


@dataclass(frozen=True, slots=True)
class Named:
    """GPUs by name, in split order; those of another host last."""

    cards: tuple[Card, ...]

    def __str__(self) -> str:
        return joined(str(card) for card in self.cards)


Pattern = Keyword | Count | Named


def joined(names: Iterable[str]) -> str:
    """Names in order as a pattern: `2x RTX 3060 + GTX 1050`."""
    runs = ((name, len(list(run))) for name, run in groupby(names))
    return " + ".join(f"{number}x {name}" if number > 1 else name for name, number in runs)


@lru_cache(maxsize=1024)
def parse_pattern(text: str) -> Pattern:
    """What a user wrote behind `pairing=`; `str()` of it is the one way to write it.

    Raises:
        ConfigError: not of the grammar above.
    """
    words = " ".join(text.split())
    if words in list(Keyword):
        return Keyword(words)
    number = _COUNT_WORDS.get(words) or (int(words) if re.fullmatch(r"\d{1,4}", words) else None)
    if number is not None:
        return Count(_checked_number(text, number))
    cards = tuple(card for term in words.split("+") for card in _cards(text, term.strip()))
    _checked_number(text, len(cards))
    _check_hosts(text, cards)
    return Named(cards)


def _cards(text: str, term: str) -> Iterator[Card]:
    match = _CARD.fullmatch(term)
    # A GPU's name has letters, and a digit or several words; else it is a mistyped pattern.
    if not match or not re.search(r"[A-Za-z].*(\d|\s\w)|\d.*[A-Za-z]", match["name"]):
        words = ", ".join([*Keyword, *_COUNT_WORDS])
        raise ConfigError(
            f"pairing={text}: unknown; write one of {words}, a number of GPUs, "
            "or their names (RTX 3060 + GTX 1050, 2x RTX 3060)"
        )
    count = _checked_number(text, int(match["count"] or 1))
    yield from (Card(match["name"], match["host"]) for _ in range(count))


def _checked_number(text: str, number: int) -> int:
    if not 1 <= number <= MAX_GPUS:
        raise ConfigError(f"pairing={text}: write 1 to {MAX_GPUS} GPUs")
    return number


def _check_hosts(text: str, cards: tuple[Card, ...]) -> None:
    hosts = [card.host for card in cards]
    if hosts != sorted(hosts, key=lambda host: host is not None) or hosts[0] is not None:
        raise ConfigError(f"pairing={text}: name GPUs of the own host first, those with @ last")
    if len(set(hosts) - {None}) > 1:
        raise ConfigError(f"pairing={text}: a pairing may span two hosts, not more")
