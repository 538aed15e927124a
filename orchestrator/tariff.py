"""What electricity costs: the view `energy` reads it from the configuration that `sweeps` keeps."""

from dataclasses import dataclass
from math import inf

from warehouse.errors import ConfigError


@dataclass(frozen=True)
class TariffConfig:
    """The price of a kilowatt-hour."""

    per_kwh: float | None = None
    """In that currency; null: no costs."""
    currency: str = "EUR"


def check_tariff(value: TariffConfig) -> None:
    """Whether costs can be computed of it.

    Raises:
        ConfigError: the price is no number, or below zero.
    """
    if value.per_kwh is not None and not 0 <= value.per_kwh < inf:
        raise ConfigError(f"tariff.per_kwh={value.per_kwh:g}: write a price from 0 up")
