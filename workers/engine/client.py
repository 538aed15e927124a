"""HTTP client of one running llama-server; `workers.engine.stream` has what is measured."""

import contextlib
import json
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn, Self

import httpx

from workers.engine.completion import Completion, error_message
from workers.engine.stream import ConnectionLost, Stream, hung, refused

SLOT = 0
"""The slot that `Client.complete` is bound to."""
ANY_SLOT = -1
"""The server chooses a free slot, or lets the request wait for one."""
_PLAIN_TEXT = "The quick brown fox jumps over the lazy dog, 0123456789 times and then some more."
_ANSWER_FIELDS = ("stop", "stop_type", "truncated", "timings")
"""Of the last event of a stream; whole, it repeats the prompt as text: megabytes at depth."""
_FAR_ABOVE_ANY = 100.0
"""Added to a logit: no model's own ones are so far apart."""


@dataclass(frozen=True, slots=True)
class SavedSlot:
    """A slot's cache in a file."""

    tokens: int
    size_bytes: int


class Client:
    """Talks to a llama-server on loopback; one request at a time, `abort` from any thread.

    For several at a time there are `streams`.

    Every method raises `CellFailed` for an answer that is an error (`request_error`) and for a
    silence longer than `request_timeout_s` (`run_timeout`), `ConnectionLost` for a broken
    connection.
    """

    def __init__(self, base_url: str, api_key: str, *, request_timeout_s: float) -> None:
        self._timeout_s = request_timeout_s
        self._socket: Any = None
        self._new_stream = partial(Stream, base_url, api_key, timeout_s=request_timeout_s)
        self._own_stream = self._new_stream()
        self._streams: tuple[Stream, ...] = ()
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
        """Break what is in flight, from another thread; the server drops its tasks."""
        for stream in (self._own_stream, *self._streams):
            stream.abort()
        connection = self._socket
        if connection is None:
            return
        # A close() would not wake a thread that waits in recv(); a shutdown does.
        with contextlib.suppress(OSError):
            connection.get_extra_info("socket").shutdown(socket.SHUT_RDWR)

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

    def slots(self) -> int:
        """Number of slots."""
        return int(_pick(self._get("/props"), "total_slots"))

    def erase(self, slot: int = SLOT) -> int:
        """Empty a slot's cache (needs --slot-save-path); returns the tokens it held."""
        return int(_pick(self._post(f"/slots/{slot}?action=erase", {}), "n_erased"))

    def save(self, name: str, slot: int = SLOT) -> SavedSlot:
        """Write a slot's cache to a file of that name in --slot-save-path."""
        answer = self._post(f"/slots/{slot}?action=save", {"filename": name})
        return SavedSlot(int(_pick(answer, "n_saved")), int(_pick(answer, "n_written")))

    def restore(self, name: str, slot: int = SLOT) -> int:
        """Fill a slot's cache from such a file; returns its tokens.

        What of it the next request can go on from, only its `cache_n` tells.
        """
        answer = self._post(f"/slots/{slot}?action=restore", {"filename": name})
        return int(_pick(answer, "n_restored"))

    def plain_tokens(self) -> tuple[int, ...]:
        """Tokens of plain text, each once: see `among` of `complete`."""
        answer = self._post("/tokenize", {"content": _PLAIN_TEXT})
        return tuple(dict.fromkeys(_pick(answer, "tokens")))

    def tokens(self, text: str, *, special: bool = False) -> list[int]:
        """The tokens of a text.

        Args:
            text: What to cut.
            special: Whether it is a whole prompt: markers in it are one token each, and what the
                model puts before every text is put there.
        """
        asked = {"content": text, "add_special": special, "parse_special": special}
        return [int(token) for token in _pick(self._post("/tokenize", asked), "tokens")]

    def prompt_of(self, conversation: Mapping[str, Any]) -> str:
        """The prompt that the chat template makes of the body of a chat completion."""
        return str(_pick(self._post("/apply-template", dict(conversation)), "prompt"))

    def complete(
        self,
        prompt: Sequence[int],
        *,
        n_predict: int,
        cache_prompt: bool,
        seed: int,
        among: Sequence[int] = (),
    ) -> Completion:
        """Generate exactly `n_predict` tokens greedily after `prompt` (token ids), streaming.

        `n_predict` 0 only evaluates the prompt. The sampler chain is cut to `top_k` 1, since
        sampling over a large vocabulary on the CPU is inside `predicted_ms`.

        Args:
            prompt: Token ids.
            n_predict: Tokens to generate.
            cache_prompt: Whether to reuse what the slot holds of the prompt.
            seed: Of the sampler.
            among: Tokens to choose from; none is all. After random tokens a model may write half
                a character, and the server then answers 500 instead of its timings.
        """
        body = completion_body(
            prompt,
            n_predict=n_predict,
            cache_prompt=cache_prompt,
            seed=seed,
            slot=SLOT,
            among=among,
        )
        return self._own_stream.complete(body).completion()

    def streams(self, count: int) -> tuple[Stream, ...]:
        """So many streams for requests at the same time; `abort` breaks theirs too."""
        self._streams = tuple(self._new_stream() for _ in range(count))
        return self._streams

    def _trace(self, event: str, info: dict[str, Any]) -> None:
        # httpcore's way to the socket while no response has come yet; abort() needs it.
        if event == "connection.connect_tcp.complete":
            self._socket = info["return_value"]

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
            raise hung(self._timeout_s) from None
        except httpx.TransportError as error:
            raise ConnectionLost(str(error) or type(error).__name__) from error


def completion_body(
    prompt: Sequence[int],
    *,
    n_predict: int,
    cache_prompt: bool,
    seed: int,
    slot: int,
    among: Sequence[int] = (),
) -> bytes:
    """The body of a /completion, see `Client.complete`; `slot` may be ANY_SLOT."""
    body = {
        "prompt": list(prompt),
        "n_predict": n_predict,
        "cache_prompt": cache_prompt,
        "seed": seed,
        "id_slot": slot,
        "temperature": 0.0,
        "top_k": 1,
        "samplers": ["top_k"],
        "ignore_eos": True,
        "stream": True,
        "return_progress": True,
        "response_fields": _ANSWER_FIELDS,
        "logit_bias": [(token, _FAR_ABOVE_ANY) for token in among],
    }
    return json.dumps(body).encode()


def refuse(body: bytes) -> NoReturn:
    """Raise the `CellFailed` of an answer that is an error."""
    raise refused(error_message(body))


def _pick(answer: Any, *path: str | int) -> Any:
    try:
        for key in path:
            answer = answer[key]
    except (KeyError, IndexError, TypeError):
        text = f"the server's answer lacks {'.'.join(str(key) for key in path)}"
        raise refused(text) from None
    return answer
