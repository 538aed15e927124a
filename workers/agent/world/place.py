"""Where a run takes place: a directory, a mailbox, a clock, and addresses that may be reached."""

import hashlib
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from workers.agent.world.directory import Directory
from workers.agent.world.errors import ToolRefusedError
from workers.agent.world.state import Delivery, Screenshot, TestRun, WorldState

DELIVERIES_MAX = 100
_TEXT_MAX = 64 * 1024


class Place(ABC):
    """What the sealed world and the live web have in common; all of it from any thread."""

    origin: str | None
    """What paths like `/weather` are relative to."""
    search_address: str | None
    """Address of the search, with `{query}` in it."""

    def __init__(self, folder: Path) -> None:
        """Args: folder: an empty folder of this run, made if it is not there."""
        self.files = folder / "files"
        self.directory = Directory(self.files)
        self._lock = threading.Lock()
        self._deliveries: list[Delivery] = []
        self._screenshots: list[Screenshot] = []
        self._test_runs: list[TestRun] = []

    @property
    @abstractmethod
    def proxy(self) -> str | None:
        """The proxy that everything must go through; None: no proxy."""

    @abstractmethod
    def now(self) -> datetime:
        """Its clock."""

    @abstractmethod
    def refusal(self, url: str) -> str | None:
        """Why a tool may not ask for an address; None: it may."""

    def put(self, files: Mapping[str, bytes]) -> None:
        """Lay files into the directory before a run.

        Raises:
            ToolRefusedError: a path is none, or it is too much.
        """
        for path, content in files.items():
            self.directory.write(path, content)

    def deliver(self, to: str, text: str | None, file: str | None) -> Delivery:
        """Put a text or a file into the mailbox.

        Raises:
            ToolRefusedError: neither or both, no recipient, or no such file.
        """
        if not to.strip():
            raise ToolRefusedError("to: say who shall get it")
        if bool(text) == bool(file):
            raise ToolRefusedError("give either a text or the path of a file")
        content = self.directory.read(file) if file else None
        if text and len(text) > _TEXT_MAX:
            raise ToolRefusedError("the text is too long")
        delivery = Delivery(to.strip(), text or None, file or None, content, self.now())
        with self._lock:
            if len(self._deliveries) >= DELIVERIES_MAX:
                raise ToolRefusedError("the mailbox is full")
            self._deliveries.append(delivery)
        return delivery

    def keep_screenshot(self, path: str, url: str, png: bytes) -> None:
        """Write a picture that was made.

        Raises:
            ToolRefusedError: the path is none, or it is too much.
        """
        self.directory.write(path, png)
        shot = Screenshot(path, url, hashlib.sha256(png).hexdigest())
        with self._lock:
            self._screenshots.append(shot)

    def keep_tests(self, run: TestRun) -> None:
        """Remember tests that ran."""
        with self._lock:
            self._test_runs.append(run)

    def state(self) -> WorldState:
        """What was done so far."""
        files, links = self.directory.contents()
        with self._lock:
            return WorldState(
                files=files,
                links=links,
                deliveries=tuple(self._deliveries),
                screenshots=tuple(self._screenshots),
                test_runs=tuple(self._test_runs),
            )
