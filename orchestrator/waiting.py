"""How long a sweep waits for hosts once nothing else is left to do. Pure."""

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(slots=True)
class Waiting:
    """For hosts that were lost, or for hosts that were never there."""

    rejoin_s: float
    """Time that hosts have to come back, s."""
    for_nodes: bool = False
    """Wait without limit, for hosts that fit too."""
    _since_s: float | None = None

    def is_over(
        self, *, stuck: bool, coming: Collection[str], hopeless: bool, now_s: float
    ) -> bool:
        """Whether to give up what no host can take.

        Args:
            stuck: there is such a launch, and nothing else runs or could.
            coming: hosts that are there and will be ready.
            hopeless: a host is there, and its worker cannot be started.
            now_s: a clock that only goes forward, s.
        """
        if not stuck or self.for_nodes:
            self._since_s = None
            return False
        if self._since_s is None:
            self._since_s = now_s
        if hopeless and not coming:
            return True
        return now_s - self._since_s > self.rejoin_s
