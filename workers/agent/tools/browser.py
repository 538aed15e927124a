"""The browser of this process: one headless Chromium, a context of its own for each place."""

import asyncio
import shutil
import threading
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, Self, TypeVar

from playwright.async_api import Browser, Playwright, Route, async_playwright
from playwright.async_api import Error as PlaywrightError

from warehouse.errors import HerdError
from workers.agent.sandbox.limits import Unavailable
from workers.agent.tools.chromium import launcher
from workers.agent.tools.page import BrowsedPage
from workers.agent.world.errors import ToolRefusedError
from workers.agent.world.place import Place

T = TypeVar("T")

START_MS = 60_000
_CALL_S = 60.0
"""Beyond every limit of a page's own."""
_NOWHERE = "http://127.0.0.1:9"
"""Proxy of what belongs to no context: nothing listens at the discard port."""
_ARGUMENTS = ("--force-webrtc-ip-handling-policy=disable_non_proxied_udp", "--disable-gpu")


class BrowserGoneError(HerdError):
    """Chromium has ended: an error of the harness, not of the model."""


class BrowserHost:
    """One Chromium with an event loop of its own; methods block and may come from any thread."""

    def __init__(self, script: Path, *, live: bool) -> None:
        """Nothing is started yet.

        Args:
            script: starts Chromium; removed by `close` with its folder.
            live: whether a place may have no proxy.
        """
        self._live = live
        self._script = script
        self._pages: dict[Place, BrowsedPage] = {}
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="browser", daemon=True)
        self._thread.start()

    @classmethod
    def open(cls, *, live: bool = False) -> "Self | Unavailable":
        """Start it. Blocks for some seconds.

        Args:
            live: whether it is for the live web: else what belongs to no world leads nowhere.
        """
        script = launcher()
        if isinstance(script, Unavailable):
            return script
        host = cls(script, live=live)
        try:
            host._call(host._start())
        except PlaywrightError as error:
            host.close()
            return Unavailable(_last_line(error))
        return host

    @property
    def version(self) -> str:
        """Chromium's version."""
        return self._alive().version

    def navigate(self, place: Place, address: str) -> str:
        """Open an address. See `BrowsedPage` for this and the others."""
        return self._call(self._on(place, lambda page: page.navigate(address)))

    def snapshot(self, place: Place) -> str:
        """Text and numbered elements."""
        return self._call(self._on(place, lambda page: page.snapshot()))

    def click(self, place: Place, number: int) -> str:
        """Click an element."""
        return self._call(self._on(place, lambda page: page.click(number)))

    def type(self, place: Place, number: int, text: str, *, submit: bool) -> str:
        """Fill an element."""
        return self._call(self._on(place, lambda page: page.type(number, text, submit=submit)))

    def screenshot(self, place: Place, path: str) -> str:
        """Write a picture of the page into the directory; only a picture that was made.

        Raises:
            ToolRefusedError: no page is open, or the path is refused.
        """
        if not path.lower().endswith(".png"):
            raise ToolRefusedError(f"{path}: the name must end in .png")
        url, png = self._call(self._on(place, lambda page: page.picture()))
        place.keep_screenshot(path, url, png)
        return f"{path}: screenshot of {url} written, {len(png)} bytes"

    def release(self, place: Place) -> None:
        """Close the place's context, if it has one. Call it when a run has ended."""
        page = self._pages.pop(place, None)
        if page is not None and self._browser is not None and self._browser.is_connected():
            self._call(page.close())

    def close(self) -> None:
        """End Chromium."""
        self._call(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        shutil.rmtree(self._script.parent, ignore_errors=True)

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_CALL_S + START_MS / 1000)

    def _alive(self) -> Browser:
        if self._browser is None or not self._browser.is_connected():
            raise BrowserGoneError("the browser has ended: run the tasks again")
        return self._browser

    async def _on(self, place: Place, act: Callable[[BrowsedPage], Awaitable[T]]) -> T:
        if place not in self._pages:
            self._pages[place] = await self._page(place)
        try:
            return await asyncio.wait_for(act(self._pages[place]), _CALL_S)
        except ToolRefusedError:
            self._alive()
            raise
        except TimeoutError:
            raise ToolRefusedError("the page does not react") from None

    async def _page(self, place: Place) -> BrowsedPage:
        context = await self._alive().new_context(
            proxy={"server": place.proxy} if place.proxy else None,
            accept_downloads=False,
            service_workers="block",
            viewport={"width": 1024, "height": 768},
            locale="en-GB",
            timezone_id="UTC",
        )

        async def look(route: Route) -> None:
            if await asyncio.to_thread(place.refusal, route.request.url):
                await route.abort("blockedbyclient")
            else:
                await route.continue_()

        await context.route("**/*", look)
        return BrowsedPage(place, context)

    async def _start(self) -> None:
        self._playwright = await async_playwright().start()
        self._browser = await self._playwright.chromium.launch(
            executable_path=self._script,
            headless=True,
            chromium_sandbox=True,
            proxy=None if self._live else {"server": _NOWHERE},
            args=_ARGUMENTS,
            timeout=START_MS,
        )

    async def _stop(self) -> None:
        if self._browser is not None and self._browser.is_connected():
            await self._browser.close()
        if self._playwright is not None:
            await self._playwright.stop()


def _last_line(error: PlaywrightError) -> str:
    lines = [line.strip() for line in error.message.splitlines() if line.strip()]
    return f"Chromium does not start: {(lines or [''])[-1][:200]}"
