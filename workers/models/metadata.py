"""Typed look-ups in the metadata of a model file: what cannot be is one ModelError."""

from collections.abc import Mapping
from dataclasses import dataclass

from warehouse.errors import ModelError
from workers.models.container import Value

LARGEST_VALUE = 2**31 - 1
"""llama.cpp's counts are 32 bits; no layer count, width, context or vocabulary comes near."""
MOST_LAYERS = 512
"""llama.cpp's LLAMA_MAX_LAYERS."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """The metadata's values, by key."""

    values: Mapping[str, Value]

    def text(self, key: str) -> str | None:
        """A text; None where the header is silent.

        Raises:
            ModelError: It is something else.
        """
        value = self.values.get(key)
        if value is not None and not isinstance(value, str):
            raise ModelError(f"has no text in {key[:80]!r}")
        return value

    def number(self, key: str, default: int | None = None) -> int | None:
        """A whole number of at least 0.

        Raises:
            ModelError: It is something else, or absurd.
        """
        value = self.values.get(key)
        return default if value is None else _whole(key, value)

    def count(self, key: str) -> int:
        """A whole number of at least 0; 0 where the header is silent."""
        return self.number(key) or 0

    def numbers(
        self, key: str, default: int | tuple[int, ...] | None = None
    ) -> int | tuple[int, ...] | None:
        """One number for all layers, or one by layer.

        Raises:
            ModelError: One of them is something else, or absurd.
        """
        value = self.values.get(key)
        if isinstance(value, tuple):
            return tuple(_whole(key, item) for item in value)
        return default if value is None else _whole(key, value)

    def by_layer(self, key: str, layers: int, default: tuple[int, ...]) -> tuple[int, ...]:
        """One number by layer, whichever way the header gives it.

        Raises:
            ModelError: There are more or fewer than layers.
        """
        value = self.numbers(key)
        if value is None:
            return default
        if isinstance(value, int):
            return (value,) * layers
        if len(value) != layers:
            raise ModelError(f"has {len(value)} values for {layers} layers in {key[:80]!r}")
        return value

    def flags(self, key: str) -> tuple[bool, ...] | None:
        """A flag by layer, written as truth values or numbers; None where it is no array."""
        value = self.values.get(key)
        if not isinstance(value, tuple):
            return None
        return tuple(bool(item) for item in value)


def _whole(key: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= LARGEST_VALUE:
        raise ModelError(f"has an absurd value in {key[:80]!r}: {str(value)[:40]}")
    return value
