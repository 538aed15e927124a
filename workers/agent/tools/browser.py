"""The browser of this process: one headless Chromium, a context of its own for each world."""

from typing import Self

from workers.agent.sandbox.limits import Unavailable
from workers.agent.world.world import World


class BrowserHost:
    """One Chromium; it ends with `close`, and with this process whatever ends that."""

    @classmethod
    def open(cls) -> "Self | Unavailable":
        """Start it. Blocks for some seconds."""
        raise NotImplementedError

    @property
    def version(self) -> str:
        """Chromium's version."""
        raise NotImplementedError

    def release(self, world: World) -> None:
        """Close the world's context, if it has one. Call it when a run has ended."""
        raise NotImplementedError(world)

    def close(self) -> None:
        """End Chromium."""
        raise NotImplementedError
