"""The sealed world of one run."""

import dataclasses
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from workers.agent.world.facts import HOST, ORIGIN, SEARCH_PATH, Facts
from workers.agent.world.place import Place
from workers.agent.world.server import SiteServer
from workers.agent.world.site import Site
from workers.agent.world.state import WorldState


class World(Place):
    """A site on a loopback port, a directory and a mailbox; its `with` opens and closes the site.

    For the model the site is at `ORIGIN` in every run; the port is behind `proxy`.
    """

    origin = ORIGIN
    search_address = f"{ORIGIN}{SEARCH_PATH}?q={{query}}"

    def __init__(self, folder: Path, facts: Facts) -> None:
        """Nothing listens yet.

        Args:
            folder: an empty folder of this run, made if it is not there.
            facts: what the site tells.
        """
        super().__init__(folder)
        self.facts = facts
        self._site = Site(facts)
        self._server: SiteServer | None = None

    def __enter__(self) -> Self:
        self._server = SiteServer(self._site)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._server is not None:
            self._server.close()

    @property
    def proxy(self) -> str:
        """The site's own port: it refuses every host but the site's.

        Raises:
            RuntimeError: the world is not open.
        """
        if self._server is None:
            raise RuntimeError("the world is not open")
        return f"http://127.0.0.1:{self._server.port}"

    def now(self) -> datetime:
        """The clock of the facts, which stands still."""
        return self.facts.now

    def refusal(self, url: str) -> str | None:
        """Everything but the site is refused."""
        parts = urlsplit(url)
        if parts.scheme == "http" and parts.netloc.lower().removesuffix(":80") == HOST:
            return None
        return f"only {ORIGIN} can be reached"

    def state(self) -> WorldState:
        """What was done so far, requests and forms too."""
        requests = tuple(self._server.requests) if self._server else ()
        forms = tuple(self._site.forms)
        return dataclasses.replace(super().state(), requests=requests, forms=forms)
