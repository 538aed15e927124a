"""A node without ssh: one command that is pasted there, and the server that it asks.

The server listens on the head's address while `herd node add` waits, answers only to a key in
its address, and ends with the join. The command holds a digest of the program that it fetches,
and the program those of the files: what is run there is what was meant here. What goes over the
wire is not encrypted, the token of the cluster included: Ray itself sends it so.
"""

import hashlib
import json
import secrets
import shlex
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from orchestrator.fleet.bootstrap import lacking, order
from orchestrator.fleet.bundle import Part, parts
from orchestrator.fleet.facts import unfit
from orchestrator.fleet.registry import HeadRecord
from warehouse.errors import FleetError
from workers.node import installer

_BLOCK = 2**20


class Offer:
    """What the server gives to whoever has the key."""

    def __init__(self, label: str, head: HeadRecord, url: str) -> None:
        self.label = label
        self.head = head
        self.bundle: tuple[Part, ...] = parts()
        self.joined = threading.Event()
        self.python: str | None = None
        self.refused: str | None = None
        digests = {part.name: _digest(part.packed()) for part in self.bundle}
        major, minor = sys.version_info[:2]
        check = (
            f"import sys\nsys.version_info[:2] == ({major}, {minor}) or "
            f"sys.exit('herd: the driver runs Python {major}.{minor}: install it here')\n"
        )
        source = Path(installer.__file__).read_text(encoding="utf-8")
        self.program = f"{check}{source}\nfetch({url!r}, {label!r}, {digests!r})\n".encode()

    def looked(self, facts: dict[str, Any]) -> list[str]:
        """Names of parts to fetch.

        Raises:
            FleetError: the host cannot be a node.
        """
        missing = lacking(facts, self.bundle)
        self.refused = unfit(facts, sum(part.size_mib for part in missing))
        if self.refused is not None:
            raise FleetError(self.refused)
        return [part.name for part in missing]

    def part(self, name: str) -> Path | None:
        """File of a part of that name."""
        return next((part.packed() for part in self.bundle if part.name == name), None)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _Handler(BaseHTTPRequestHandler):
    server: "_Server"
    protocol_version = "HTTP/1.0"

    def do_GET(self) -> None:
        """The program, or a part of the bundle."""
        what = self._what()
        if what is None:
            return
        if what == "":
            self._answer(200, self.server.offer.program)
            return
        path = self.server.offer.part(what)
        if path is None:
            self._answer(404, b"nothing there")
            return
        self.send_response(200)
        self.send_header("Content-Length", str(path.stat().st_size))
        self.end_headers()
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                self.wfile.write(block)

    def do_POST(self) -> None:
        """A step of the join."""
        what = self._what()
        if what is None:
            return
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        try:
            self._answer(200, json.dumps(self._step(what, sent)).encode())
        except FleetError as error:
            self._answer(409, str(error).encode())
        if what == "joined":
            self.server.offer.joined.set()

    def _step(self, what: str, sent: dict[str, Any]) -> Any:
        offer = self.server.offer
        if what == "look":
            return offer.looked(sent)
        if what == "order":
            return order(offer.label, offer.head, offer.bundle)
        if what == "joined":
            offer.python = sent["python"]
            return None
        raise FleetError("nothing there")

    def _what(self) -> str | None:
        """What is asked for, to the right key."""
        key, _, what = self.path.removeprefix("/").partition("/")
        if secrets.compare_digest(key.encode(), self.server.key.encode()):
            return what
        self._answer(404, b"nothing there")
        return None

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Silent: the key is in every line."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    key: str
    offer: Offer


@contextmanager
def offered(label: str, head: HeadRecord) -> Iterator[tuple[Offer, tuple[str, str]]]:
    """Serve a node's installation while the block runs; the offer, and two ways to take it.

    The first is the command to paste, the second what `scripts/join-node` wants, in words.

    Raises:
        FleetError: the address cannot be listened on.
    """
    try:
        server = _Server((head.address, head.port - 1), _Handler)
    except OSError as error:
        raise FleetError(
            f"cannot listen on {head.address}:{head.port - 1} ({error.strerror}): is another "
            "`herd node add` waiting?"
        ) from error
    server.key = secrets.token_hex(16)
    url = f"http://{head.address}:{head.port - 1}/{server.key}"
    server.offer = Offer(label, head, url)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        digest = hashlib.sha256(server.offer.program).hexdigest()
        script = f"join-node {head.address}:{head.port - 1} {digest}, key {server.key}"
        yield server.offer, (pasted_command(url, digest), script)
    finally:
        server.shutdown()
        server.server_close()


def pasted_command(url: str, digest: str) -> str:
    """The command for the host: through standard input, so that no list of processes has the key.

    Pure.
    """
    code = (
        "import hashlib,urllib.request as r;"
        f"b=r.urlopen('{url}/').read();"
        f"hashlib.sha256(b).hexdigest()=='{digest}' or exit('herd: changed on its way');"
        "exec(compile(b,'installer','exec'))"
    )
    major, minor = sys.version_info[:2]
    python = f'"$(command -v python{major}.{minor} || echo python3)"'
    return f"printf %s {shlex.quote(code)} | {python} -"
