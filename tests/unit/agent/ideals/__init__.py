"""For each task what its check must let pass, and what it must not."""

from tests.unit.agent.ideals import l0, l1, l2, l2_site, l3, l4
from tests.unit.agent.outcomes import Ideal

IDEALS: dict[str, Ideal] = {
    name: ideal for level in (l0, l1, l2, l2_site, l3, l4) for name, ideal in level.IDEALS.items()
}
