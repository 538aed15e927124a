"""The fake's outsides: command line and HTTP."""

import json
import os
import re
import signal
import socket
import sys
import threading

from tests.fakes.chat import chat, render
from tests.fakes.model import (
    N_VOCAB,
    TYPE_BYTES,
    Completion,
    HttpError,
    Json,
    Model,
    log,
    slot_action,
    tokens_of,
)

HELP = os.path.join(os.path.dirname(__file__), "..", "fixtures", "engine", "help.txt")


def behaviour() -> Json:
    text = os.environ.get("FAKE_LLAMA", "{}")
    if not text.startswith("{"):
        with open(text) as file:
            text = file.read()
    value: Json = json.loads(text)
    return value


def help_text(removed: list[str]) -> str:
    with open(HELP) as file:
        text = file.read()
    for flag in removed:
        text = re.sub(rf"(?<![\w-]){re.escape(flag)}(?![\w-])", "--gone", text)
    return text


def parse(words: list[str], known: set[str]) -> dict[str, str]:
    """Flags and values; exits as llama-server does at a flag or value that it does not know."""
    arguments: dict[str, str] = {}
    for i, word in enumerate(words):
        if not re.fullmatch(r"--?[A-Za-z][\w.-]*", word):
            if i == 0 or not words[i - 1].startswith("-"):
                sys.exit(f"error: invalid argument: {word}")
            arguments[words[i - 1]] = word
        elif word not in known:
            sys.exit(f"error: invalid argument: {word}")
        else:
            arguments[word] = ""
    for flag in ("--cache-type-k", "--cache-type-v"):
        if (kind := arguments.get(flag, "f16")) not in TYPE_BYTES:
            sys.exit(f'error while handling argument "{flag}": Unsupported cache type: {kind}')
    return arguments


class Connection:
    """One client: HTTP/1.1 with keep-alive, as little of it as llama-server's clients need."""

    def __init__(self, model: Model, sock: socket.socket) -> None:
        self.model = model
        self.sock = sock
        self.file = sock.makefile("rb")

    def serve(self) -> None:
        try:
            while words := self.file.readline().decode().split():
                headers = {}
                while line := self.file.readline().strip():
                    name, _, value = line.decode().partition(":")
                    headers[name.lower()] = value.strip()
                body = self.file.read(int(headers.get("content-length", 0)))
                self.answer(words[0], words[1], headers, body)
                if headers.get("connection") == "close":
                    break
        except OSError:
            pass  # the client went away
        finally:
            self.file.close()  # or the socket stays open
            self.sock.close()

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> None:
        try:
            self.check_key(target, headers)
            if target == "/completion":
                self.complete(json.loads(body))
            elif target == "/v1/chat/completions":
                self.count()
                self.send(200, chat(self.model, json.loads(body)))
            elif target == "/apply-template":
                self.send(200, {"prompt": render(json.loads(body))})
            else:
                self.send(200, self.page(method, target, json.loads(body or b"{}")))
        except HttpError as error:
            self.send(error.code, error.body)

    def check_key(self, target: str, headers: dict[str, str]) -> None:
        if target in ("/health", "/v1/models") or not self.model.keys:
            return
        if headers.get("authorization", "").removeprefix("Bearer ") not in self.model.keys:
            raise HttpError(401, "authentication_error", "Invalid API Key")

    def page(self, method: str, target: str, asked: Json) -> Json | list[Json]:
        model = self.model
        n_ctx = model.n_ctx // len(model.slots)
        if found := re.fullmatch(r"/slots/(\d+)\?action=(save|restore|erase)", target):
            return slot_action(model, int(found[1]), found[2], asked)
        if target == "/health" and model.how.get("never_ready"):
            raise HttpError(503, "unavailable_error", "Loading model")
        if target == "/slots":
            return [{"id": i, "n_ctx": n_ctx} for i in range(len(model.slots))]
        pages: dict[str, Json] = {
            "/health": {"status": "ok"},
            "/tokenize": {"tokens": model.head(asked) + tokens_of(str(asked.get("content", "")))},
            "/props": {
                "default_generation_settings": {"n_ctx": n_ctx},
                "model_path": model.path,
                "total_slots": len(model.slots),
                "build_info": "b1-fake",
            },
            "/v1/models": {
                "data": [{"id": model.path, "meta": {"n_vocab": N_VOCAB, "n_ctx_train": 8192}}]
            },
        }
        if target not in pages:
            raise HttpError(404, "not_found_error", "File Not Found")
        return pages[target]

    def count(self) -> None:
        """One request more; what the fake was told to do in it happens."""
        how, number = self.model.how, self.model.count()
        at_once = "oom_at_run" in how and not {"crash_after_requests", "crash_in_stream"} & set(how)
        if number > how.get("crash_after_requests", number) or at_once:
            self.model.die()
        if number == how.get("hang_in_request"):
            threading.Event().wait()
        if number == how.get("error_500"):
            raise HttpError(500, "server_error", "the fake was told to fail")

    def complete(self, asked: Json) -> None:
        self.count()
        completion = Completion(self.model, asked)
        if not asked.get("stream"):
            self.send(200, completion.run(lambda chunk: None))
            return
        head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
        self.sock.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        self.send_chunk(completion.run(self.send_chunk))
        self.sock.sendall(b"0\r\n\r\n")

    def send_chunk(self, value: Json) -> None:
        data = f"data: {json.dumps(value)}\n\n".encode()
        self.sock.sendall(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def send(self, code: int, value: Json | list[Json]) -> None:
        data = json.dumps(value).encode()
        head = f"HTTP/1.1 {code} Fake\r\nContent-Type: application/json; charset=utf-8\r\n"
        self.sock.sendall(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)


def serve(model: Model, port: int) -> None:
    listener = socket.create_server(("127.0.0.1", port))
    log("srv  llama_server: model loaded")
    log(f"srv  llama_server: listening on http://127.0.0.1:{listener.getsockname()[1]}")
    while True:
        connection = Connection(model, listener.accept()[0])
        threading.Thread(target=connection.serve, daemon=True).start()


def main() -> None:
    how = behaviour()
    text = help_text(how.get("remove_flags", []))
    arguments = parse(sys.argv[1:], set(re.split(r"[\s,]+", text)))
    if "--version" in arguments:
        print("version: 0.1.0-dev (build 1, commit fa4ce0a)\nbuilt for tests", file=sys.stderr)
    elif "--help" in arguments:
        print(text)
    elif "--list-devices" in arguments:
        devices = how.get("devices", {})
        rows = [f"  {k}: {v[0]} ({v[1]} MiB, {v[2]} MiB free)" for k, v in devices.items()]
        print("\n".join(["Available devices:", *(rows or ["  (none)"])]))
    else:
        run(Model(arguments, how), int(arguments.get("--port", "8080")))


def run(model: Model, port: int) -> None:
    def stop(number: int, frame: object) -> None:
        model.log_breakdown()
        os._exit(0)

    ignore = model.how.get("ignore_sigterm")
    signal.signal(signal.SIGTERM, signal.SIG_IGN if ignore else stop)
    log("cmn  common_param: system_info: n_threads = 2 / 2 | CPU : AVX2 = 1 | FA_QUANTS = all | ")
    model.log_load()
    serve(model, port)
