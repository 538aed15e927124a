"""A sealed world to test on, and a host that it must not lead to."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from workers.agent.sandbox.limits import Unavailable
from workers.agent.tools.browser import BrowserHost
from workers.agent.world.errors import ToolRefusedError

HARNESS = """
import sys, time
from pathlib import Path
from workers.agent.tools.browser import BrowserHost
from workers.agent.world.making import facts
from workers.agent.world.world import World
host = BrowserHost.open()
with World(Path(sys.argv[1]), facts(1)) as world:
    host.navigate(world, "/")
    print("ready", flush=True)
    time.sleep(300)
"""
"""A process with an open browser; its argument is the folder of its world."""


def opened_browser(*, live: bool = False) -> BrowserHost:
    """A browser; the test is skipped with the reason where there can be none."""
    host = BrowserHost.open(live=live)
    if isinstance(host, Unavailable):
        pytest.skip(host.reason)
    return host


class Elsewhere(ThreadingHTTPServer):
    """Stands for the engine: a port of this host that the world's tools must never reach."""

    def __init__(self) -> None:
        self.reached: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.reached.append(self.path)
                body = b"<html><title>engine</title><body>engine</body></html>"
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_CONNECT = do_GET  # noqa: N815

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.daemon_threads = True

    @property
    def port(self) -> int:
        return int(self.server_address[1])


@contextmanager
def elsewhere() -> Iterator[Elsewhere]:
    server = Elsewhere()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def refused(match: str = ".") -> Iterator[None]:
    """The tool answers with an error of one line."""
    with pytest.raises(ToolRefusedError, match=match) as raised:
        yield
    assert len(str(raised.value).splitlines()) == 1
