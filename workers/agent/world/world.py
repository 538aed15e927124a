"""A world of one run."""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from workers.agent.world.facts import ORIGIN, Facts
from workers.agent.world.state import Delivery, WorldState


class World:
    """A site on a loopback port, a directory and a mailbox; ended by its `with`."""

    def __init__(self, folder: Path, facts: Facts) -> None:
        """Nothing listens yet.

        Args:
            folder: an empty folder of this run, made if it is not there.
            facts: what the site tells.
        """
        self.facts = facts
        self.origin = ORIGIN
        self.files = folder / "files"

    def __enter__(self) -> Self:
        raise NotImplementedError

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        raise NotImplementedError

    def put(self, files: Mapping[str, bytes]) -> None:
        """Lay files into the directory before a run."""
        raise NotImplementedError(files)

    def deliver(self, to: str, text: str | None, file: str | None) -> Delivery:
        """Put a text or a file into the mailbox.

        Raises:
            ToolRefusedError: neither or both, or no such file.
        """
        raise NotImplementedError(to, text, file)

    def state(self) -> WorldState:
        """What was done so far."""
        raise NotImplementedError
