"""Draws that are the same on every host and in every Python: hashes of seed, topic and number."""

import hashlib
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Draw:
    """A row of draws for a topic of a seed: more draws on one topic move no other."""

    def __init__(self, seed: int, topic: str) -> None:
        self._name = f"{seed}/{topic}"
        self._drawn = 0

    def below(self, limit: int) -> int:
        """A number from 0 to `limit` - 1."""
        self._drawn += 1
        digest = hashlib.sha256(f"{self._name}/{self._drawn}".encode()).digest()
        return int.from_bytes(digest[:8], "big") % limit

    def between(self, least: int, most: int) -> int:
        """A number from `least` to `most`, both included."""
        return least + self.below(most - least + 1)

    def pick(self, choices: Sequence[T]) -> T:
        """One of them."""
        return choices[self.below(len(choices))]

    def several(self, choices: Sequence[T], count: int) -> list[T]:
        """Different ones of them, in drawn order.

        Raises:
            IndexError: there are fewer.
        """
        left = list(choices)
        if count > len(left):
            raise IndexError(f"{count} of {len(left)}")
        return [left.pop(self.below(len(left))) for _ in range(count)]
