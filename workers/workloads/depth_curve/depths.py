"""From depths as written to tokens: pure."""

import re
from collections.abc import Iterable

from warehouse.errors import ConfigError

_WRITTEN = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>%|k?)")


def parse_depth(written: int | str, context: int) -> int:
    """A depth in tokens: `4096`, `16k` (x 1024), or `12.5%` of the context, rounded down.

    Raises:
        ConfigError: it is none of these.
    """
    found = _WRITTEN.fullmatch(str(written))
    if not found or (not found["unit"] and "." in found["number"]):
        raise ConfigError(f"depth {written}: write tokens, 16k, or 50% of the context")
    number = float(found["number"])
    factor = {"": 1.0, "k": 1024.0, "%": context / 100}[found["unit"]]
    return int(number * factor)


def fitting_depths(written: Iterable[int | str], context: int, room: int) -> tuple[int, ...]:
    """The depths in ascending order, each once, that leave `room` tokens of the context."""
    tokens = {parse_depth(each, context) for each in written}
    return tuple(sorted(depth for depth in tokens if depth + room < context))
