"""Were the sides measured in turns? What drifts on a host between them passes for a difference."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

NEAR = timedelta(hours=1)
"""Single launches that are no further apart could not be more in turns."""
MOST = 0.8
"""Share of pairs with the same side first: 1 one after the other, 0.6 to 0.67 in turns."""


def in_turns(a: Sequence[datetime], b: Sequence[datetime]) -> bool:
    """Whether the starts of both sides alternate enough that a drift hits both alike."""
    if not a or not b:
        return True
    if min(len(a), len(b)) == 1:
        return max(*a, *b) - min(*a, *b) <= NEAR
    later = sum(theirs > ours for ours in a for theirs in b) / (len(a) * len(b))
    return 1 - MOST <= later <= MOST


def one_after_the_other(starts: Sequence[Sequence[datetime]]) -> bool:
    """Whether any neighbours of several sides were not in turns."""
    return not all(in_turns(a, b) for a, b in pairwise(starts))
