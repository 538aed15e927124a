"""What changes with the seed: the same seed draws the same, on every host and Python."""

import random
from collections.abc import Sequence
from typing import Final

PEOPLE: Final = (
    *("Ada", "Bruno", "Clara", "Dmitri", "Elsa", "Farid", "Greta", "Hugo", "Ines", "Jonas"),
    *("Katja", "Luca", "Mira", "Nils", "Olga", "Pavel", "Rosa", "Stefan", "Tilda", "Viktor"),
)
SURNAMES: Final = (
    *("Albrecht", "Berger", "Castell", "Dorn", "Ebner", "Falk", "Gruber", "Hallgren", "Iversen"),
    *("Jansen", "Kovac", "Lindqvist", "Moser", "Novak", "Ortner", "Pichler", "Reiter", "Sommer"),
)
TOWNS: Final = (
    *("Aldersby", "Brackwater", "Corvenholm", "Dunmere", "Eastleigh Quay", "Fallowfield"),
    *("Grimsend", "Harrowgate", "Inverlock", "Juniper Hill", "Kestrel Bay", "Larkspur"),
)
GOODS: Final = (
    *("lanterns", "ropes", "kettles", "blankets", "compasses", "tents", "stoves", "maps"),
    *("whistles", "buckets", "hammocks", "candles", "axes", "flasks", "gloves", "torches"),
)
GOODS_DE: Final = (
    *("Laternen", "Seile", "Kessel", "Decken", "Zelte", "Karten", "Eimer", "Kerzen"),
    *("Becher", "Lampen", "Schaufeln", "Körbe", "Bretter", "Nägel", "Pinsel", "Leitern"),
)
DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June", "July", "August"),
    *("September", "October", "November", "December"),
)


def draw(task: str, seed: int) -> random.Random:
    """The source of what a task draws at a seed."""
    return random.Random(f"{task}/{seed}")  # noqa: S311 - wording of a task, nothing secret


def word(source: random.Random, length: int = 6) -> str:
    """A pronounceable word that no text has by chance, in small letters."""
    pairs = ("bdfgklmnprstvz", "aeiou")
    return "".join(source.choice(pairs[place % 2]) for place in range(length))


def code(source: random.Random) -> str:
    """A code like `KR-4821`: it cannot be guessed."""
    letters = "".join(source.choice("ABCDEFGHJKLMNPQRSTUVWXYZ") for _ in range(2))
    return f"{letters}-{source.randrange(1000, 10000)}"


def distinct(source: random.Random, count: int, low: int, high: int) -> list[int]:
    """`count` unlike numbers of [low, high]."""
    return source.sample(range(low, high + 1), count)


def listed(words: Sequence[str], last: str = "and") -> str:
    """`a, b and c`."""
    return f"{', '.join(words[:-1])} {last} {words[-1]}" if len(words) > 1 else "".join(words)
