"""llama-server's command line: pure.

Two parts: `server_arguments` pins what changes results, and a build that does not know such a
flag cannot be used; `bookkeeping_arguments` is what the process around it needs, and follows
the build.
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from workers.engine.config import EngineConfig

if TYPE_CHECKING:  # build.py imports parse_help from here
    from workers.engine.build import EngineBuild

CACHE_TYPES = ("f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "iq4_nl", "q5_0", "q5_1")
"""KV cache types that llama-server takes."""

_FLAG = r"--?[A-Za-z][\w.-]*"
_HEADER = re.compile(rf"^{_FLAG}(?:,\s+{_FLAG})*")
_REMOVED = "the argument has been removed"

# Fields of EngineConfig that are flags of the same name with a value, a switch, or both ways.
_VALUES = (
    *("parallel", "fit", "flash_attn", "batch_size", "ubatch_size", "poll", "prio"),
    *("n_cpu_moe", "override_tensor", "cache_ram", "cache_reuse"),
    *("ctx_checkpoints", "checkpoint_min_step", "slot_prompt_similarity", "sleep_idle_seconds"),
)
_BOTH_WAYS = (
    *("kv_unified", "kv_offload", "op_offload", "repack", "cache_prompt", "context_shift"),
    *("cont_batching", "warmup", "jinja"),
)
_SWITCHES = ("swa_full",)
_OLD_LOAD_MODES = {
    "auto": (),
    "none": ("--no-mmap",),
    "mmap": ("--mmap",),
    "mlock": ("--no-mmap", "--mlock"),
    "mmap+mlock": ("--mmap", "--mlock"),
    "dio": ("--no-mmap", "--direct-io"),
}
"""What `--load-mode` was before it was one flag (about build 10,400)."""
# Without a device these choose among none, and llama-server refuses some of their values.
_DEVICE_VALUES = ("split_mode", "main_gpu")


def server_arguments(
    engine: EngineConfig,
    *,
    model_path: str,
    context: int,
    cache_k: str,
    cache_v: str,
    devices: tuple[str, ...],
    tensor_split: tuple[float, ...],
    known_flags: frozenset[str] = frozenset(),
) -> list[str]:
    """Every argument that changes results; of equal input equal, in the same order.

    Args:
        engine: With every `auto` resolved; a field that is None leaves its flag out.
        model_path: The model file.
        context: Context size, tokens.
        cache_k: One of CACHE_TYPES.
        cache_v: One of CACHE_TYPES.
        devices: As the engine names them, in split order; none is the CPU.
        tensor_split: Proportions in the order of `devices`; empty leaves the split to the engine.
        known_flags: Those of the build; empty is taken for a new one.

    Raises:
        ValueError: `engine.threads` is still `auto` (0).
    """
    if engine.threads <= 0:
        raise ValueError("engine.threads is 0 (auto): resolve it to the host's cores first")
    return [
        *("--model", model_path, "--ctx-size", str(context)),
        *("--cache-type-k", cache_k, "--cache-type-v", cache_v),
        *("--threads", str(engine.threads)),
        *("--threads-batch", str(engine.threads_batch or engine.threads)),
        *_placement(engine, devices, tensor_split),
        *_pinned(engine),
        *_load_mode(engine.load_mode, known_flags),
        *engine.args,
    ]


def _placement(
    engine: EngineConfig, devices: tuple[str, ...], tensor_split: tuple[float, ...]
) -> list[str]:
    if not devices:
        return ["--device", "none", "--n-gpu-layers", "0"]
    arguments = ["--device", ",".join(devices)]
    if engine.n_gpu_layers is not None:
        arguments += ["--n-gpu-layers", engine.n_gpu_layers]
    for field in _DEVICE_VALUES:
        arguments += _value(engine, field)
    if tensor_split:
        arguments += ["--tensor-split", ",".join(f"{share:g}" for share in tensor_split)]
    return arguments


def _pinned(engine: EngineConfig) -> list[str]:
    arguments = [word for field in _VALUES for word in _value(engine, field)]
    wanted = ((field, getattr(engine, field)) for field in _BOTH_WAYS)
    arguments += [_flag(f if on else f"no_{f}") for f, on in wanted if on is not None]
    arguments += [_flag(field) for field in _SWITCHES if getattr(engine, field)]
    return arguments


def _load_mode(mode: str | None, known_flags: frozenset[str]) -> Sequence[str]:
    if mode is None:
        return ()
    if known_flags and "--load-mode" not in known_flags and mode in _OLD_LOAD_MODES:
        return _OLD_LOAD_MODES[mode]
    return "--load-mode", mode


def _value(engine: EngineConfig, field: str) -> list[str]:
    value = getattr(engine, field)
    return [] if value is None else [_flag(field), str(value)]


def _flag(field: str) -> str:
    return "--" + field.replace("_", "-")


def bookkeeping_arguments(
    known_flags: frozenset[str], *, api_key_file: str, slot_save_path: str
) -> list[str]:
    """Arguments that change no result: address, key, log, endpoints; those the build knows.

    Loopback, a port of the system's choice (read from the log), the API key from a file, no
    network, no web UI, and the verbosity that shows memory (4).
    """
    no_ui = "--no-ui" if "--no-ui" in known_flags else "--no-webui"
    optional = (
        *(("--offline",), (no_ui,), ("--metrics",)),
        *(("--log-colors", "off"), ("--log-prefix",), ("--log-timestamps",)),
    )
    return [
        *("--host", "127.0.0.1", "--port", "0", "--api-key-file", api_key_file),
        *("--slot-save-path", slot_save_path, "--slots", "--log-verbosity", "4"),
        *(word for words in optional if words[0] in known_flags for word in words),
    ]


def pinned_flags(arguments: Sequence[str]) -> tuple[str, ...]:
    """The flags among `arguments`, each once, in order; values (`-1`) are none."""
    return tuple(dict.fromkeys(word for word in arguments if re.fullmatch(_FLAG, word)))


def unknown_flags(arguments: Sequence[str], build: "EngineBuild") -> tuple[str, ...]:
    """The flags of `server_arguments` that this build does not know: a reason not to start it."""
    return tuple(flag for flag in pinned_flags(arguments) if flag not in build.known_flags)


def parse_help(text: str) -> frozenset[str]:
    """Every flag, long and short, that `--help` lists, without those it lists as removed."""
    blocks: list[list[str]] = []
    for line in text.splitlines():
        if line.startswith("-") and _HEADER.match(line):
            blocks.append([line])
        elif blocks:
            blocks[-1].append(line)
    flags: set[str] = set()
    for block in blocks:
        if not any(_REMOVED in line for line in block):
            flags.update(re.findall(_FLAG, _headers(block[0])))
    return frozenset(flags)


def _headers(line: str) -> str:
    found = _HEADER.match(line)
    return found[0] if found else ""
