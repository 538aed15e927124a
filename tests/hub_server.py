"""The part of the Hugging Face API that a download of one file asks, on loopback."""

import hashlib
import http.server
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager


class HubServer(http.server.ThreadingHTTPServer):
    """Serves files; may stop in the middle of one."""

    def __init__(self, files: Mapping[str, bytes], stop_after: int | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files = files
        self.stop_after = stop_after
        """Bytes of the first answer, after which it says no more."""
        self.stopped = threading.Event()
        self.go_on = threading.Event()
        self.first_bytes: list[int] = []
        """Where each download of content began."""

    @property
    def address(self) -> str:
        """For HF_ENDPOINT."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: HubServer

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        content = self._answer()
        if content is None:
            return
        limit, self.server.stop_after = self.server.stop_after, None
        self.wfile.write(content[:limit])
        if limit is not None:
            self.server.stopped.set()
            self.server.go_on.wait(60)

    def _answer(self) -> bytes | None:
        """Send the head; what follows it in a GET."""
        name = self.path.removeprefix("/").replace("/resolve/main/", "/")
        content = self.server.files.get(name)
        if content is None:
            self.send_response(404)
            self.send_header("X-Error-Code", "EntryNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return None
        first = re.fullmatch(r"bytes=(\d+)-.*", self.headers.get("Range", ""))
        start = int(first[1]) if first else 0
        if self.command == "GET":
            self.server.first_bytes.append(start)
        self.send_response(206 if first else 200)
        if first:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", "a" * 40)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        return content[start:]

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # name of the base class
        """Not into the test's output."""


@contextmanager
def serving(files: Mapping[str, bytes], stop_after: int | None = None) -> Iterator[HubServer]:
    """A server of `OWNER/REPO/FILE`s.

    Args:
        files: their content.
        stop_after: the first answer stops after so many bytes.
    """
    server = HubServer(files, stop_after)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.go_on.set()
        server.shutdown()
        thread.join()
        server.server_close()
