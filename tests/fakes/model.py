"""The fake's insides: what it logs, its slots and its completions. No model."""

import contextlib
import json
import os
import random
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

N_VOCAB = 49152
EOS_AFTER = 16
"""Tokens after which the fake model ends its answer, unless `ignore_eos`."""
SLOT_FILE_BYTES = 5000
"""Of a slot file without its tokens."""
TYPE_BYTES = {"f32": 4.0, "f16": 2.0, "bf16": 2.0, "q8_0": 34 / 32, "q5_1": 0.75, "q5_0": 22 / 32}
TYPE_BYTES |= {"q4_1": 0.625, "q4_0": 18 / 32, "iq4_nl": 18 / 32}
BEGAN = time.monotonic()

Json = dict[str, Any]
Emit = Callable[[Json], None]


class HttpError(Exception):
    """An answer other than 200."""

    def __init__(self, code: int, kind: str, text: str, **more: int) -> None:
        super().__init__(text)
        self.code = code
        self.body = {"error": {"code": code, "message": text, "type": kind, **more}}


def log(text: str, level: str = "I") -> None:
    us = int((time.monotonic() - BEGAN) * 1e6)
    minutes, rest = divmod(us, 60_000_000)
    stamp = f"{minutes}.{rest // 1_000_000:02}.{rest // 1000 % 1000:03}.{rest % 1000:03}"
    sys.stderr.write(f"{stamp} {level} {text}\n")
    sys.stderr.flush()


class Model:
    """What is the same for every request: settings, slots, faults."""

    def __init__(self, arguments: dict[str, str], how: Json) -> None:
        self.how = how
        self.path = arguments["--model"]
        self.n_ctx = int(arguments.get("--ctx-size", "4096"))
        self.batch = int(arguments.get("--batch-size", "2048"))
        self.cache_types = [arguments.get(f"--cache-type-{x}", "f16") for x in "kv"]
        named = arguments.get("--device", "none")
        self.devices = [] if named == "none" else named.split(",")
        self.slot_dir = arguments.get("--slot-save-path", "")
        self.keys: set[str] = set()
        if key_file := arguments.get("--api-key-file"):
            with open(key_file) as file:
                self.keys = {line.strip() for line in file if line.strip()}
        self.slots: list[list[int]] = [[] for _ in range(int(arguments.get("--parallel", "1")))]
        self.busy: set[int] = set()
        self.generating = 0
        self.leaked: list[bytes] = []
        self.freed = threading.Condition()
        self.lock = threading.Lock()
        self.requests = 0
        self.random = random.Random(how.get("seed", 0))
        if "crowd" in how:
            open(os.path.join(how["crowd"], str(os.getpid())), "w").close()

    def kv_mib(self) -> float:
        return self.n_ctx * 30 * 192 * sum(TYPE_BYTES[x] for x in self.cache_types) / 2**20

    def speed_s(self, name: str, tokens: int) -> float:
        speed = float(self.how.get(name, 0))
        if os.path.exists(self.how.get("throttle_while", "")):
            speed *= float(self.how["throttle_factor"])
        if "crowd" in self.how:
            here = [pid for pid in os.listdir(self.how["crowd"]) if os.path.exists(f"/proc/{pid}")]
            speed /= 1 + float(self.how["crowd_factor"]) * (len(here) - 1)
        return tokens / speed if speed else 0.0

    def prompt_s(self, first: int, count: int) -> float:
        """Time of prompt tokens, the first of them at that position: each costs by its own."""
        behind = first * count + count * (count - 1) / 2
        slower = float(self.how.get("pp_slower", 0)) / 1000
        return self.speed_s("pp_tok_s", 1) * (count + slower * behind)

    def gap_s(self, held: int) -> float:
        """From one token of a slot to its next, with that many in the cache.

        The slots share what there is together.
        """
        slower = 1 + float(self.how.get("tg_slower", 0)) * held / 1000
        alone = self.speed_s("tg_tok_s", 1) * slower
        return max(alone, self.speed_s("total_tok_s", self.generating))

    def jitter(self) -> float:
        """A factor for the times of a request."""
        return max(0.5, self.random.gauss(1, float(self.how.get("jitter_pct", 0)) / 100))

    @contextlib.contextmanager
    def one_more_generates(self) -> Iterator[None]:
        with self.lock:
            self.generating += 1
        try:
            yield
        finally:
            with self.lock:
                self.generating -= 1

    @contextlib.contextmanager
    def slot(self, wanted: int) -> Iterator[int]:
        """A slot of one's own; below 0 the first that is free, however long that takes."""
        choice = range(len(self.slots)) if wanted < 0 else [wanted]
        with self.freed:
            number = self.freed.wait_for(lambda: self.free_of(choice)) - 1
            self.busy.add(number)
        try:
            yield number
        finally:
            with self.freed:
                self.busy.remove(number)
                self.freed.notify_all()

    def free_of(self, choice: Iterable[int]) -> int:
        """One more than the number of a free slot, 0 if there is none."""
        return next((number + 1 for number in choice if number not in self.busy), 0)

    def head(self, asked: Json) -> list[int]:
        """What is put before a text."""
        return [int(self.how["bos"])] if asked.get("add_special") and "bos" in self.how else []

    def leak(self) -> None:
        self.leaked.append(os.urandom(int(float(self.how.get("leak_mib", 0)) * 2**20)))

    def count(self) -> int:
        with self.lock:
            self.requests += 1
            return self.requests

    def die(self) -> None:
        for line in str(self.how.get("oom_at_run", "")).splitlines():
            log(line, "E")
        os.abort()

    def log_load(self) -> None:
        devices = self.how.get("devices", {})
        for name in self.devices:
            if name not in devices:
                sys.exit(f'error while handling argument "--device": invalid device: {name}')
            about = f"({devices[name][0]}) (0000:00:06.0) - {devices[name][2]} MiB free"
            log(f"llama_prepare_model_devices: using device {name} {about}")
        log("load_tensors: loading model tensors, this can take a while... (load_mode = mmap)")
        if not os.path.exists(self.path):
            why = f"failed to open GGUF file '{self.path}' (No such file or directory)"
            log(f"gguf_init_from_file: {why}", "E")
            log("srv  llama_server: exiting due to model loading error", "E")
            sys.exit(1)
        time.sleep(float(self.how.get("start_delay_s", 0)))
        self.log_memory()
        if self.n_ctx > int(self.how.get("oom_above_context", self.n_ctx)):
            log(
                "llama_init_from_model: failed to initialize the context: "
                "failed to allocate buffer for kv cache",
                "E",
            )
            sys.exit(1)
        if text := self.how.get("fail_start"):
            for line in str(text).splitlines():
                log(line, "E")
            sys.exit(int(self.how.get("exit_code", 1)))

    def log_memory(self) -> None:
        names = self.devices or ["CPU"]
        for name in names:
            buffer = "CPU_Mapped" if name == "CPU" else name
            log(f"load_tensors: {buffer:>12} model buffer size = {92.1 / len(names):8.2f} MiB")
        log("llama_context: constructing llama_context")
        log("llama_context: flash_attn            = enabled")
        log("llama_context:          CPU  output buffer size =     0.19 MiB")
        for name in names:
            kv = self.kv_mib() / len(names)
            log(f"llama_kv_cache: {name:>10} KV buffer size = {kv:8.2f} MiB")
        for name in names:
            log(f"sched_reserve: {name:>10} compute buffer size =    14.42 MiB")

    def log_breakdown(self) -> None:
        head = "common_memory_breakdown_print: | "
        log("srv    operator(): operator(): cleaning up before exit...")
        log(f"{head}memory breakdown [MiB] | total free self model context compute unaccounted |")
        model, kv = 92 // (len(self.devices) or 1), int(self.kv_mib() / (len(self.devices) or 1))
        own = f"{model + kv + 14} = {model} + {kv} + 14"
        for name in self.devices:
            title, total, free = self.how["devices"][name]
            log(f"{head}  - {name} ({title}) | {total} = {free} + ({own}) + 500 |")
        if not self.devices:
            log(f"{head}  - Host               |              {own}           |")


class Completion:
    """One POST /completion on a slot that nobody else uses meanwhile."""

    def __init__(self, model: Model, asked: Json) -> None:
        self.model = model
        self.asked = asked
        prompt = asked.get("prompt", [])
        self.prompt = tokens_of(prompt) if isinstance(prompt, str) else list(prompt)
        if any(not 0 <= token < N_VOCAB for token in self.prompt):
            raise HttpError(400, "invalid_request_error", "Prompt contains invalid tokens")
        n, limit = len(self.prompt), model.n_ctx // len(model.slots)
        if n >= limit:
            text = f"request ({n} tokens) exceeds the available context size ({limit} tokens)"
            counts = {"n_prompt_tokens": n, "n_ctx": limit}
            raise HttpError(
                400, "exceed_context_size_error", f"{text}, try increasing it", **counts
            )
        wanted = int(asked.get("n_predict", -1))
        wanted = limit if wanted < 0 else max(1, wanted)
        stop = wanted if asked.get("ignore_eos") else min(wanted, EOS_AFTER)
        self.n_predict = min(stop, limit - n)
        self.stop_type = "eos" if stop < wanted and stop == self.n_predict else "limit"
        self.slot = int(asked.get("id_slot", 0))
        self.cached = self.predicted = 0
        self.prompt_ms = self.predicted_ms = 0.0
        self.jitter = model.jitter()
        self.number = model.requests

    def run(self, emit: Emit, answer: list[int] | None = None) -> Json:
        """Work through it; `emit` takes the chunks of a stream, `answer` is what to generate."""
        with self.model.slot(self.slot) as self.slot:
            held = self.model.slots[self.slot] if self.asked.get("cache_prompt", True) else []
            self.cached = common_prefix(held, self.prompt)
            self.read_prompt(emit)
            self.model.leak()
            ids = answer or [1000 + i % 100 for i in range(self.n_predict)]
            ids = ids[: self.n_predict]
            with self.model.one_more_generates():
                self.generate(emit, ids)
            kept = [] if self.asked.get("n_predict") == 0 else ids[:-1]
            self.model.slots[self.slot] = self.prompt + kept
        return self.result()

    def read_prompt(self, emit: Emit) -> None:
        began, total, done = time.monotonic(), len(self.prompt), self.cached
        self.progress(emit, done, began)
        while done < total:
            done += min(self.model.batch, total - done)
            sleep_until(began + self.prompt_s(done))
            self.progress(emit, done, began)
        nominal = self.prompt_s(total)
        self.prompt_ms = 1000 * (nominal or max(1e-6, time.monotonic() - began))

    def prompt_s(self, done: int) -> float:
        return self.jitter * self.model.prompt_s(self.cached, done - self.cached)

    def progress(self, emit: Emit, done: int, began: float) -> None:
        if self.asked.get("return_progress"):
            ms = int((self.prompt_s(done) or time.monotonic() - began) * 1000)
            counts = {"total": len(self.prompt), "cache": self.cached, "processed": done}
            chunk = {"content": "", "tokens": [0], "stop": False}
            emit({**chunk, "prompt_progress": {**counts, "time_ms": ms}})

    def generate(self, emit: Emit, ids: list[int]) -> None:
        began, nominal = time.monotonic(), 0.0
        for i, token in enumerate(ids):
            if i:
                nominal += self.jitter * self.model.gap_s(len(self.prompt) + i - 1)
                sleep_until(began + nominal)
            if i == self.model.how.get("crash_in_stream", -1):
                self.model.die()
            self.predicted = i + 1
            self.predicted_ms = 1000 * (nominal or max(1e-6, time.monotonic() - began))
            chunk: Json = {"index": 0, "content": " w", "tokens": [token], "stop": False}
            chunk["tokens_predicted"] = self.predicted
            if self.asked.get("timings_per_token"):
                chunk["timings"] = self.timings()
            emit(chunk)

    def timings(self) -> Json:
        n, ms = len(self.prompt) - self.cached, self.prompt_ms
        how = self.model.how
        lie = int(how.get("cache_n_lie", 0)) if self.number >= how.get("lie_from", 0) else 0
        return {
            "cache_n": self.cached + lie,
            "prompt_n": n,
            "prompt_ms": ms,
            "prompt_per_second": n / ms * 1000,
            "predicted_n": self.predicted,
            "predicted_ms": self.predicted_ms,
            "predicted_per_second": (self.predicted - 1) / self.predicted_ms * 1000,
        }

    def result(self) -> Json:
        return {
            "index": 0,
            "content": "",
            "tokens": [],
            "id_slot": self.slot,
            "stop": True,
            "model": self.model.path,
            "tokens_predicted": self.predicted,
            "tokens_evaluated": len(self.prompt),
            "truncated": bool(self.model.how.get("truncate")),
            "stop_type": self.stop_type,
            "tokens_cached": len(self.model.slots[self.slot]),
            "timings": self.timings(),
        }


def sleep_until(at_s: float) -> None:
    """By the clock, so that late sleeps do not add up."""
    left = at_s - time.monotonic()
    if left > 0:
        time.sleep(left)


def common_prefix(held: list[int], prompt: list[int]) -> int:
    """Tokens to reuse; at least one is always processed."""
    same = next((i for i, (a, b) in enumerate(zip(held, prompt)) if a != b), None)  # noqa: B905
    return min(len(held) if same is None else same, max(0, len(prompt) - 1))


def tokens_of(text: str) -> list[int]:
    return [sum(word.encode()) % N_VOCAB for word in text.split()]


def slot_action(model: Model, slot: int, action: str, asked: Json) -> Json:
    if not model.slot_dir:
        raise HttpError(501, "not_supported_error", "This server does not support slots action.")
    file = model.slot_dir + str(asked.get("filename", ""))
    with model.slot(slot):
        tokens = model.slots[slot]
        if action == "erase":
            model.slots[slot] = []
            return {"id_slot": slot, "n_erased": len(tokens)}
        if action == "save":
            with open(file, "w") as out:
                json.dump(tokens, out)
            size = SLOT_FILE_BYTES + len(tokens) * int(model.how.get("token_bytes", 1000))
            counts = {"n_saved": len(tokens), "n_written": size}
            return {"id_slot": slot, **counts, "timings": {"save_ms": 0.1}}
        if not os.path.isfile(file):
            raise HttpError(400, "invalid_request_error", "Unable to restore slot")
        with open(file) as source:
            held = json.load(source)
        n = len(held)
        model.slots[slot] = [] if model.how.get("restores_nothing") else held
        return {"id_slot": slot, "n_restored": n, "timings": {"restore_ms": 0.1}}
