"""HTTP client of one running llama-server.

Measuring must not disturb: while tokens stream in, a chunk is only stamped and kept; it is
parsed after the last one. Own cost, measured with httpx 0.28 on a guest with two EPYC cores:
0.23 ms of CPU a token, 1 % of a core at 40 tokens a second.
"""

import contextlib
import socket
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NoReturn, Self

import httpx

from workers.engine.completion import (
    Completion,
    ServerReportedError,
    StreamCut,
    error_message,
    is_keepalive,
    parse_answer,
)
from workers.failures import CellFailed, Failure, FailureClass

SLOT = 0
"""The slot that every request is bound to."""


class ConnectionLost(Exception):  # noqa: N818 - what happened; the caller asks the process why
    """The connection broke before the answer was complete: crashed, killed or aborted."""


class Client:
    """Talks to a llama-server on loopback; one request at a time, `abort` from any thread.

    Every method raises `CellFailed` for an answer that is an error (`request_error`) and for a
    silence longer than `request_timeout_s` (`run_timeout`), `ConnectionLost` for a broken
    connection.
    """

    def __init__(self, base_url: str, api_key: str, *, request_timeout_s: float) -> None:
        self._timeout_s = request_timeout_s
        self._stream: Any = None
        self._http = httpx.Client(
            base_url=base_url,
            headers={
                "Authorization": f"Bearer {api_key}",
                "Accept-Encoding": "identity",
                # The server was seen to close a connection right after a stream although it had
                # promised to keep it: 13 of 714 requests found it gone.
                "Connection": "close",
            },
            timeout=request_timeout_s,
            trust_env=False,
            # llama-server announces keep-alive but closes after a stream: of reused
            # connections 4 % broke. A new one costs some 0.1 ms on loopback.
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=0),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def abort(self) -> None:
        """Break the request in flight, if any, from another thread; the server drops its task."""
        stream = self._stream
        if stream is None:
            return
        # A close() would not wake a thread that waits in recv(); a shutdown does.
        with contextlib.suppress(OSError):
            stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)

    def vocabulary_size(self) -> int:
        """Number of tokens in the model's vocabulary."""
        return int(_pick(self._get("/v1/models"), "data", 0, "meta", "n_vocab"))

    def slot_context(self) -> int:
        """Context size of a slot, tokens."""
        return int(_pick(self._get("/props"), "default_generation_settings", "n_ctx"))

    def bos_tokens(self) -> tuple[int, ...]:
        """What the model puts before every text: its BOS token, or nothing."""
        answer = self._post("/tokenize", {"content": "", "add_special": True})
        return tuple(_pick(answer, "tokens"))

    def erase(self, slot: int = SLOT) -> int:
        """Empty a slot's cache (needs --slot-save-path); returns the tokens it held."""
        return int(_pick(self._post(f"/slots/{slot}?action=erase", {}), "n_erased"))

    def complete(
        self, prompt: Sequence[int], *, n_predict: int, cache_prompt: bool, seed: int
    ) -> Completion:
        """Generate exactly `n_predict` tokens greedily after `prompt` (token ids), streaming.

        `n_predict` 0 only evaluates the prompt. The sampler chain is cut to `top_k` 1, since
        sampling over a large vocabulary on the CPU is inside `predicted_ms`.
        """
        body = {
            "prompt": list(prompt),
            "n_predict": n_predict,
            "cache_prompt": cache_prompt,
            "seed": seed,
            "id_slot": SLOT,
            "temperature": 0.0,
            "top_k": 1,
            "samplers": ["top_k"],
            "ignore_eos": True,
            "stream": True,
            "return_progress": True,
        }
        started_at, sent_s = datetime.now(UTC), time.monotonic()
        with self._errors():
            chunks = self._collect(body)
            answer = parse_answer(chunks)
        ended_s = chunks[-1][0]
        return Completion(answer, sent_s, ended_s, started_at, datetime.now(UTC))

    def _collect(self, body: dict[str, Any]) -> list[tuple[float, bytes]]:
        chunks: list[tuple[float, bytes]] = []
        with self._http.stream(
            "POST", "/completion", json=body, extensions={"trace": self._trace}
        ) as response:
            if response.is_error:
                refuse(response.read())
            heard_s = time.monotonic()
            for chunk in response.iter_raw():
                now = time.monotonic()
                chunks.append((now, chunk))
                if not chunk.startswith(b":") or not is_keepalive(chunk):
                    heard_s = now
                elif now - heard_s > self._timeout_s:
                    self._hung()
        return chunks

    def _trace(self, event: str, info: dict[str, Any]) -> None:
        # httpcore's way to the socket while no response has come yet; abort() needs it.
        if event == "connection.connect_tcp.complete":
            self._stream = info["return_value"]

    def _get(self, path: str) -> Any:
        return self._json("GET", path, None)

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        return self._json("POST", path, body)

    def _json(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        with self._errors():
            response = self._http.request(
                method, path, json=body, extensions={"trace": self._trace}
            )
            if response.is_error:
                refuse(response.content)
            try:
                return response.json()
            except ValueError:
                refuse(response.content)

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except httpx.TimeoutException:
            self._hung()
        except ServerReportedError as error:
            raise CellFailed(Failure(FailureClass.REQUEST_ERROR, str(error))) from error
        except (httpx.TransportError, StreamCut) as error:
            raise ConnectionLost(str(error) or "the stream ended early") from error

    def _hung(self) -> NoReturn:
        text = f"no progress of a request for {self._timeout_s:g} s"
        raise CellFailed(Failure(FailureClass.RUN_TIMEOUT, text)) from None


def refuse(body: bytes) -> NoReturn:
    """Raise the `CellFailed` of an answer that is an error."""
    raise CellFailed(Failure(FailureClass.REQUEST_ERROR, error_message(body)))


def _pick(answer: Any, *path: str | int) -> Any:
    try:
        for key in path:
            answer = answer[key]
    except (KeyError, IndexError, TypeError):
        text = f"the server's answer lacks {'.'.join(str(key) for key in path)}"
        raise CellFailed(Failure(FailureClass.REQUEST_ERROR, text)) from None
    return answer
