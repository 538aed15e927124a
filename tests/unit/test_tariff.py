import pytest

from orchestrator.tariff import TariffConfig, check_tariff
from warehouse.errors import ConfigError


@pytest.mark.parametrize("price", [-0.1, float("nan"), float("inf")])
def test_a_price_that_is_none_is_refused(price: float) -> None:
    with pytest.raises(ConfigError, match=r"tariff\.per_kwh"):
        check_tariff(TariffConfig(price))


@pytest.mark.parametrize("price", [None, 0.0, 0.35])
def test_other_prices_and_none_are_fine(price: float | None) -> None:
    check_tariff(TariffConfig(price))
