"""A page of the browser, as a model sees and uses it."""

import asyncio
from collections.abc import Awaitable
from http import HTTPStatus
from typing import Any

from playwright.async_api import BrowserContext, Page, Request, Response
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import TimeoutError as PlaywrightTimeoutError

from workers.agent.tools.addresses import absolute
from workers.agent.world.errors import ToolRefusedError
from workers.agent.world.place import Place

LOAD_MS = 8_000
ACT_MS = 3_000
TEXT_MAX = 12_000
ELEMENTS_MAX = 120

_NUMBER = "data-herd-number"
_SNAPSHOT = """([attribute, most]) => {
  const kinds = 'a[href], button, input:not([type=hidden]), select, textarea, summary';
  const clean = (text) => (text || '').replace(/\\s+/g, ' ').trim().slice(0, 80);
  const label = (one) => clean((one.labels && one.labels[0] &&
      [...one.labels[0].childNodes].filter((n) => n.nodeType === 3).map((n) => n.data).join(' '))
      || one.getAttribute('aria-label') || one.placeholder || one.innerText || one.name);
  const described = (one) => {
    const tag = one.tagName.toLowerCase(), type = (one.type || '').toLowerCase();
    if (tag === 'a') return `link "${label(one)}" -> ${one.getAttribute('href')}`;
    if (tag === 'select') {
      const options = [...one.options].map((option) => clean(option.text)).join(', ');
      return `choice "${label(one)}": ${options}; chosen: ${clean(one.selectedOptions[0]?.text)}`;
    }
    if (type === 'checkbox' || type === 'radio')
      return `${type} "${label(one)}" (${one.checked ? 'on' : 'off'})`;
    if (tag === 'button' || type === 'submit' || tag === 'summary')
      return `button "${clean(one.innerText || one.value)}"`;
    return `text field "${label(one)}" = "${clean(one.value)}"`;
  };
  document.querySelectorAll(`[${attribute}]`).forEach((one) => one.removeAttribute(attribute));
  const seen = [...document.querySelectorAll(kinds)].filter((one) => one.checkVisibility());
  return {
    text: document.body ? document.body.innerText : '',
    elements: seen.slice(0, most).map((one, at) => {
      one.setAttribute(attribute, String(at + 1));
      return described(one);
    }),
  };
}"""
_KIND = """(one) => {
  const tag = one.tagName.toLowerCase();
  if (tag === 'select') return 'choice';
  if (one.type === 'checkbox' || one.type === 'radio') return 'box';
  if (tag === 'textarea' || (tag === 'input' && one.type !== 'submit')) return 'field';
  const leads = tag === 'a' ? !one.getAttribute('href').startsWith('#') : one.form != null;
  return leads ? 'leads on' : 'button';
}"""


class BrowsedPage:
    """The one page of a run; the first `navigate` opens it. All of it in the browser's loop."""

    def __init__(self, place: Place, context: BrowserContext) -> None:
        self._place = place
        self._context = context
        self._page: Page | None = None

    async def navigate(self, address: str) -> str:
        """Open an address; its title.

        Raises:
            ToolRefusedError: the address is refused, or the page failed.
        """
        page = self._page or await self._context.new_page()
        here = page.url if page.url.startswith("http") else None
        url = absolute(address, self._place.origin, here)
        if refusal := self._place.refusal(url):
            raise ToolRefusedError(f"{url}: {refusal}")
        self._page = page
        try:
            response = await _unless_broken_off(
                page, page.goto(url, timeout=LOAD_MS, wait_until="load")
            )
        except PlaywrightError as error:
            await self._leave()
            raise ToolRefusedError(f"{url}: {_said(error)}") from None
        return await self._arrived(response)

    async def snapshot(self) -> str:
        """Title, address, text, and the elements that can be used, each with a number."""
        page = self._opened()
        found = await _trying(page.evaluate(_SNAPSHOT, [_NUMBER, ELEMENTS_MAX]))
        lines = [f"[{number}] {what}" for number, what in enumerate(found["elements"], 1)]
        text = "\n".join(line.strip() for line in found["text"].splitlines() if line.strip())
        cut = "" if len(text) <= TEXT_MAX else f"\n[cut: {TEXT_MAX} of {len(text)} characters]"
        head = f"Title: {await page.title()}\nAddress: {page.url}"
        return f"{head}\n\n{text[:TEXT_MAX]}{cut}\n\nElements:\n" + "\n".join(lines)

    async def click(self, number: int) -> str:
        """Click an element of the last snapshot."""
        element, kind = await self._element(number)
        if kind == "leads on":
            return await self._leading(element.click(timeout=ACT_MS))
        await _trying(element.click(timeout=ACT_MS))
        return f"clicked [{number}]"

    async def type(self, number: int, text: str, *, submit: bool) -> str:
        """Fill a text field, or choose an option by its name; then send the form, if asked."""
        element, kind = await self._element(number)
        if kind == "choice":
            options = await _trying(
                element.evaluate("(one) => [...one.options].map((o) => o.text)")
            )
            if text.strip() not in options:
                raise ToolRefusedError(f"[{number}] has no option {text!r}: {', '.join(options)}")
            await _trying(element.select_option(label=text.strip(), timeout=ACT_MS))
        elif kind == "field":
            await _trying(element.fill(text, timeout=ACT_MS))
        else:
            raise ToolRefusedError(f"[{number}] is no text field: click it")
        if submit:
            return await self._leading(element.press("Enter", timeout=ACT_MS))
        return f"typed into [{number}]"

    async def picture(self) -> tuple[str, bytes]:
        """The address, and what is to be seen of the page, as PNG."""
        page = self._opened()
        return page.url, await _trying(page.screenshot(type="png", timeout=LOAD_MS))

    async def close(self) -> None:
        """End it, with its cookies."""
        await self._context.close()

    def _opened(self) -> Page:
        if self._page is None:
            raise ToolRefusedError("no page is open: navigate first")
        return self._page

    async def _element(self, number: int) -> tuple[Any, str]:
        found = await _trying(self._opened().query_selector(f'[{_NUMBER}="{int(number)}"]'))
        if found is None:
            raise ToolRefusedError(f"no element [{number}] here: take a snapshot first")
        return found, await _trying(found.evaluate(_KIND))

    async def _leading(self, act: Awaitable[Any]) -> str:
        """Do what should lead to another page, and wait for it."""
        page = self._opened()

        async def led() -> Response | None:
            async with page.expect_navigation(timeout=LOAD_MS, wait_until="load") as navigation:
                await _trying(act)
            return await navigation.value

        try:
            response = await _unless_broken_off(page, led())
        except PlaywrightError as error:
            await self._leave()
            raise ToolRefusedError(f"the page did not load: {_said(error)}") from None
        return await self._arrived(response)

    async def _leave(self) -> None:
        """Chromium's own page about an error comes late, and breaks into what is opened next."""
        page, self._page = self._opened(), None
        await page.close()

    async def _arrived(self, response: Response | None) -> str:
        page = self._opened()
        if refusal := self._place.refusal(page.url):
            await self._leave()
            raise ToolRefusedError(f"it led elsewhere: {refusal}")
        if response is not None and response.status >= HTTPStatus.BAD_REQUEST:
            status = f"{response.status} {HTTPStatus(response.status).phrase}"
            if response.status != HTTPStatus.UNPROCESSABLE_ENTITY:
                raise ToolRefusedError(f"{page.url}: {status}")
            return f"the form was not accepted: take a snapshot ({page.url})"
        return f"opened: {await page.title()} ({page.url})"


async def _unless_broken_off(page: Page, act: Awaitable[Response | None]) -> Response | None:
    """A page whose body breaks off never loads, and its end is no error of the navigation."""
    failed: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def look(request: Request) -> None:
        body = "CONTENT_LENGTH" in (request.failure or "") or "INCOMPLETE" in (
            request.failure or ""
        )
        if body and request.is_navigation_request() and not failed.done():
            failed.set_result(str(request.failure))

    page.on("requestfailed", look)
    loading = asyncio.ensure_future(act)
    try:
        await asyncio.wait((loading, failed), return_when=asyncio.FIRST_COMPLETED)
        if not loading.done():
            raise PlaywrightError(failed.result())
        return await loading
    finally:
        page.remove_listener("requestfailed", look)
        loading.cancel()


async def _trying(act: Awaitable[Any]) -> Any:
    try:
        return await act
    except PlaywrightError as error:
        raise ToolRefusedError(_said(error)) from None


def _said(error: PlaywrightError) -> str:
    """Chromium's own name of what went wrong, in one line."""
    if isinstance(error, PlaywrightTimeoutError):
        return f"no answer within {LOAD_MS // 1000} s"
    first = error.message.splitlines()[0]
    known = {
        "ERR_TOO_MANY_REDIRECTS": "too many redirects, it goes in a circle",
        "ERR_CONTENT_LENGTH_MISMATCH": "the page broke off before its end",
        "ERR_TUNNEL_CONNECTION_FAILED": "it cannot be reached",
    }
    return next((said for name, said in known.items() if name in first), first[:200])
