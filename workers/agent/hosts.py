"""What of this host the tasks can use: a sandbox, a browser; started when a task needs it."""

from collections.abc import Collection
from functools import cached_property

from workers.agent.sandbox.limits import Unavailable
from workers.agent.sandbox.sandbox import Sandbox, find_sandbox
from workers.agent.suite.spec import Need
from workers.agent.tools.browser import BrowserHost


class Host:
    """Ended by `close`."""

    def __init__(self, *, live: bool) -> None:
        """Nothing is started or looked for yet.

        Args:
            live: whether the browser is for the live web.
        """
        self._live = live
        self.sandbox: Sandbox | None = None
        self.browser: BrowserHost | None = None

    @cached_property
    def _sandbox(self) -> str | None:
        found = find_sandbox()
        if isinstance(found, Unavailable):
            return f"no sandbox: {found.reason}"
        self.sandbox = found
        return None

    @cached_property
    def _browser(self) -> str | None:
        found = BrowserHost.open(live=self._live)
        if isinstance(found, Unavailable):
            return f"no browser: {found.reason}"
        self.browser = found
        return None

    def lacks(self, needs: Collection[Need]) -> str | None:
        """Why a task with these needs cannot be set here; None if it can."""
        if Need.SANDBOX in needs and self._sandbox:
            return self._sandbox
        return self._browser if Need.BROWSER in needs else None

    def close(self) -> None:
        """End what was started."""
        if self.browser:
            self.browser.close()
