"""The site on a loopback port, as a proxy that knows one host only.

Tools and browser send all that they want through it: whatever is not the site is refused here.
"""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import urlsplit

from workers.agent.world.facts import HOST
from workers.agent.world.site import Answer, Manner, Site
from workers.agent.world.state import By, Request

FETCH_AGENT = "herd-fetch"
"""User agent of the tool web_fetch: all others are the browser."""
_BODY_MAX = 64 * 1024
_SLOW_S = 120.0
"""The slow page keeps quiet that long: longer than any tool waits."""
_IDLE_S = 20.0


class SiteServer:
    """Serves a site until it is closed."""

    def __init__(self, site: Site) -> None:
        self.requests: list[Request] = []
        """In the order in which they were answered."""
        closing = threading.Event()
        handler = type(
            "Handler", (_Handler,), {"site": site, "seen": self._seen, "closing": closing}
        )
        self._closing = closing
        self._server = _Server(("127.0.0.1", 0), handler)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="world", daemon=True
        )
        self._thread.start()

    def _seen(self, request: Request) -> None:
        self.requests.append(request)  # of a list, it is atomic

    def close(self) -> None:
        """Stop to listen; an answer on its way breaks off."""
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away in mid-answer is nothing to print."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_S
    site: ClassVar[Site]
    seen: ClassVar[Callable[[Request], None]]
    closing: ClassVar[threading.Event]

    def do_GET(self) -> None:
        self._serve("")

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if not 0 <= length <= _BODY_MAX:
            self._refuse(413)
            return
        self._serve(self.rfile.read(length).decode(errors="replace"))

    def do_CONNECT(self) -> None:
        """A tunnel to anywhere: https, a websocket."""
        self._refuse(403)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """The log is `requests`."""

    def _serve(self, body: str) -> None:
        parts = urlsplit(self.path)
        host = parts.netloc or self.headers.get("Host", "")
        if parts.scheme not in ("", "http") or host.lower().removesuffix(":80") != HOST:
            self._refuse(403)
            return
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        answer = self.site.answer(self.command, target, body)
        agent = self.headers.get("User-Agent", "")
        by: By = "fetch" if agent.startswith(FETCH_AGENT) else "browser"
        status = answer.status if answer.manner is Manner.WHOLE else 0
        type(self).seen(Request(self.command, target, status, by))
        self._send(answer)

    def _send(self, answer: Answer) -> None:
        if answer.manner is Manner.NEVER:
            self.closing.wait(_SLOW_S)
            self.close_connection = True
            return
        content = answer.html.encode()
        self.send_response(answer.status)
        if answer.location:
            self.send_header("Location", answer.location)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Connection", "close")
        self.end_headers()
        cut = content.rfind(b"<p>") if answer.manner is Manner.BROKEN_OFF else len(content)
        self.wfile.write(content[:cut])
        self.close_connection = True

    def _refuse(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
