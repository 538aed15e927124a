"""web_fetch and web_search."""

import time
from http import HTTPStatus
from urllib.parse import quote

import httpx

from workers.agent.tools.addresses import absolute
from workers.agent.tools.reading import text_of
from workers.agent.world.errors import ToolRefusedError
from workers.agent.world.place import Place
from workers.agent.world.server import FETCH_AGENT

FETCH_S = 8.0
"""Of a whole page, redirects included."""
PAGE_BYTES_MAX = 2**20
TEXT_MAX = 20_000
REDIRECTS_MAX = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


def web_fetch(place: Place, address: str) -> str:
    """The text of a page, cut at `TEXT_MAX` characters. Blocks.

    Raises:
        ToolRefusedError: the address is refused, or the page failed: how, in one line.
    """
    url = absolute(address, place.origin)
    until = time.monotonic() + FETCH_S
    try:
        with _client(place) as client:
            for _ in range(REDIRECTS_MAX + 1):
                found = _get(client, place, url, until)
                if isinstance(found, httpx.URL):
                    url = str(found)
                    continue
                return _cut(found)
    except httpx.TimeoutException:
        raise ToolRefusedError(f"{url}: no answer within {FETCH_S:.0f} s") from None
    except httpx.RemoteProtocolError:
        raise ToolRefusedError(f"{url}: the page broke off before its end") from None
    except httpx.HTTPError as error:
        raise ToolRefusedError(f"{url}: {type(error).__name__}") from None
    raise ToolRefusedError(f"{url}: more than {REDIRECTS_MAX} redirects, it goes in a circle")


def web_search(place: Place, query: str) -> str:
    """What the search page answers.

    Raises:
        ToolRefusedError: there is no search, or its page failed.
    """
    if not query.strip():
        raise ToolRefusedError("query: say what to search for")
    if place.search_address is None:
        raise ToolRefusedError("no search engine is configured")
    return web_fetch(place, place.search_address.replace("{query}", quote(query.strip()[:200])))


def _client(place: Place) -> httpx.Client:
    return httpx.Client(
        proxy=place.proxy, trust_env=False, timeout=FETCH_S, headers={"User-Agent": FETCH_AGENT}
    )


def _get(client: httpx.Client, place: Place, url: str, until: float) -> str | httpx.URL:
    """The text of a page, or where it is instead."""
    if refusal := place.refusal(url):
        raise ToolRefusedError(f"{url}: {refusal}")
    with client.stream("GET", url) as response:
        if response.status_code in _REDIRECTS and response.has_redirect_location:
            return response.url.join(response.headers["Location"])
        if response.status_code >= HTTPStatus.BAD_REQUEST:
            raise ToolRefusedError(f"{url}: {response.status_code} {response.reason_phrase}")
        kind = response.headers.get("Content-Type", "text/plain").partition(";")[0].strip()
        if not kind.startswith("text/") and "json" not in kind:
            raise ToolRefusedError(f"{url}: it is no text but {kind}")
        content = b""
        for part in response.iter_bytes():
            content += part
            if time.monotonic() > until:
                raise httpx.ReadTimeout("")
            if len(content) > PAGE_BYTES_MAX:
                break
    text = content[:PAGE_BYTES_MAX].decode(response.encoding or "utf-8", errors="replace")
    return text_of(text) if kind in ("text/html", "application/xhtml+xml") else text


def _cut(text: str) -> str:
    if len(text) <= TEXT_MAX:
        return text
    return f"{text[:TEXT_MAX]}\n[cut: {TEXT_MAX} of {len(text)} characters]"
