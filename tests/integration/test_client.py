"""The client against servers that misbehave in ways that llama-server can."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from workers.engine.client import Client
from workers.engine.stream import ConnectionLost
from workers.failures import CellFailed, FailureClass

Answer = Callable[[BaseHTTPRequestHandler], None]
PIECE = b'data: {"content":"a","tokens_predicted":1,"stop":false}\n\n'


@contextmanager
def server(answer: Answer, protocol: str = "HTTP/1.0") -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = protocol

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            answer(self)

        def log_request(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()
        thread.join()


def begin(handler: BaseHTTPRequestHandler, *pieces: bytes) -> None:
    handler.send_response(200)
    handler.end_headers()
    for piece in pieces:
        handler.wfile.write(piece)
        handler.wfile.flush()


def complete(url: str, timeout_s: float = 10) -> None:
    with Client(url, "key", request_timeout_s=timeout_s) as client:
        client.complete([1, 2], n_predict=3, cache_prompt=True, seed=0)


def test_keepalives_of_a_hung_server_are_no_progress() -> None:
    gone = threading.Event()

    def ping(handler: BaseHTTPRequestHandler) -> None:
        begin(handler, PIECE)
        try:
            while not gone.wait(0.05):
                handler.wfile.write(b":\n\n")
                handler.wfile.flush()
        except OSError:
            gone.set()

    with server(ping) as url, pytest.raises(CellFailed) as caught:
        complete(url, timeout_s=0.3)
    gone.set()
    assert caught.value.failure.failure_class is FailureClass.RUN_TIMEOUT


def test_connection_is_not_reused() -> None:
    """llama-server closes a connection after a stream, though it announces to keep it."""
    ports: list[int] = []

    def number(handler: BaseHTTPRequestHandler) -> None:
        ports.append(handler.client_address[1])
        handler.send_response(200)
        handler.send_header("Content-Length", "14")
        handler.end_headers()
        handler.wfile.write(b'{"n_erased":5}')

    with (
        server(number, "HTTP/1.1") as url,
        Client(url, "key", request_timeout_s=10) as client,
    ):
        assert [client.erase() for _ in range(3)] == [5, 5, 5]
    assert len(set(ports)) == 3


def test_stream_that_ends_early() -> None:
    with server(lambda handler: begin(handler, PIECE)) as url, pytest.raises(ConnectionLost):
        complete(url)


def test_refusal_carries_the_servers_words() -> None:
    body = (
        b'{"error":{"code":400,"message":"request (1301 tokens) exceeds the available context'
        b' size (1024 tokens)","type":"exceed_context_size_error"}}'
    )

    def refuse(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(400)
        handler.end_headers()
        handler.wfile.write(body)

    with server(refuse) as url, pytest.raises(CellFailed, match=r"exceed_context.*1301") as caught:
        complete(url)
    assert caught.value.failure.failure_class is FailureClass.REQUEST_ERROR


def test_error_inside_the_stream() -> None:
    error = b'data: {"error":{"code":500,"message":"Compute error.","type":"server_error"}}\n\n'
    with (
        server(lambda handler: begin(handler, PIECE, error)) as url,
        pytest.raises(CellFailed, match=r"server_error: Compute error\."),
    ):
        complete(url)


def test_nobody_listens() -> None:
    with server(begin) as url:
        pass
    with pytest.raises(ConnectionLost):
        complete(url)


def test_abort_before_the_first_byte() -> None:
    asked, done = threading.Event(), threading.Event()

    def hang(handler: BaseHTTPRequestHandler) -> None:
        asked.set()
        done.wait(30)

    with server(hang) as url, Client(url, "key", request_timeout_s=30) as client:

        def abort() -> None:
            asked.wait(10)
            client.abort()

        aborter = threading.Thread(target=abort)
        aborter.start()
        with pytest.raises(ConnectionLost):
            client.complete([1], n_predict=1, cache_prompt=True, seed=0)
        aborter.join()
        done.set()


def test_abort_with_nothing_in_flight() -> None:
    Client("http://127.0.0.1:9", "key", request_timeout_s=1).abort()


def test_answer_of_another_shape() -> None:
    def other(handler: BaseHTTPRequestHandler) -> None:
        begin(handler, b"[]")

    with server(other) as url, Client(url, "key", request_timeout_s=10) as client:
        with pytest.raises(CellFailed, match="the server's answer lacks n_erased"):
            client.erase()
        with pytest.raises(CellFailed, match="lacks tokens"):
            client.bos_tokens()
