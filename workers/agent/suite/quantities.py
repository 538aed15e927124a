"""Amounts in words: `48 million euros` is `48,000,000 EUR` and `€48m`. Pure."""

import re
from decimal import Decimal

from workers.agent.suite.answers import numbers, plain

_SCALES = {
    "thousand": 3,
    "tausend": 3,
    "million": 6,
    "millions": 6,
    "millionen": 6,
    "mio": 6,
    "m": 6,
    "billion": 9,
    "milliarde": 9,
    "milliarden": 9,
}
_SCALED = re.compile(rf"(\d[\d.,']*)[ -]?({'|'.join(_SCALES)})\b")


def amounts(text: str) -> list[set[Decimal]]:
    """The numbers of a text, and those with `million` and the like multiplied out as well."""
    scaled = [
        {each * 10 ** _SCALES[scale] for each in readings}
        for token, scale in _SCALED.findall(plain(text))
        for readings in numbers(token)
    ]
    return numbers(text) + scaled


def has_quantity(text: str, quantity: str) -> bool:
    """Whether the text tells the amount of `quantity`, in its words or multiplied out."""
    first, *scaled = amounts(quantity)
    wanted = scaled[0] if scaled else first
    return any(wanted & each for each in amounts(text))
