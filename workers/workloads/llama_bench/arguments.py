"""llama-bench's command line for a server configuration: pure."""

from dataclasses import dataclass

from workers.contract import LaunchRequest
from workers.engine.config import EngineConfig
from workers.engine.flags import parse_help
from workers.workloads.llama_bench.config import LlamaBenchConfig

_ALL_LAYERS = "999"
_VALUES = ("batch_size", "ubatch_size", "poll", "prio", "n_cpu_moe", "override_tensor")
_DEVICE_VALUES = ("split_mode", "main_gpu")
# Older builds (before about 10,400) take numbers only.
_FLASH_ATTENTION = {"on": "1", "off": "0"}


@dataclass(frozen=True, slots=True)
class Tests:
    """What is to be measured, as far as it fits the cell's context."""

    prompt_sizes: tuple[int, ...]
    n_predict: int
    depths: tuple[int, ...]

    @property
    def number(self) -> int:
        """Tests that llama-bench runs: each size and the generation, at each depth."""
        return (len(self.prompt_sizes) + 1) * len(self.depths)


def fitting_tests(config: LlamaBenchConfig, context: int) -> Tests | None:
    """The tests that a slot of `context` tokens could hold too; None if there are none."""
    sizes = tuple(dict.fromkeys(config.prompt_sizes))
    longest = max((*sizes, config.n_predict))
    depths = tuple(d for d in dict.fromkeys(config.depths) if d + longest + 1 < context)
    return Tests(sizes, config.n_predict, depths) if depths else None


def bench_arguments(
    request: LaunchRequest, tests: Tests, repetitions: int, known_flags: frozenset[str]
) -> list[str]:
    """Arguments after the program's name.

    What llama-bench has no flag for (slots, checkpoints, `engine.args`) is left out; its context
    is as large as the test needs. It has one number of threads for prompt and generation.
    """
    engine = request.engine
    return [
        *("--model", request.model.path),
        *("--n-prompt", _listed(tests.prompt_sizes), "--n-gen", str(tests.n_predict)),
        *("--n-depth", _listed(tests.depths), "--repetitions", str(repetitions)),
        *("--cache-type-k", request.cache_k, "--cache-type-v", request.cache_v),
        *("--threads", str(engine.threads)),
        *_placement(request),
        *(word for field in _VALUES for word in _value(engine, field)),
        *_switches(engine, known_flags),
        *_load_mode(engine.load_mode, known_flags),
        *("--output", "jsonl"),
    ]


def bench_flags(help_text: str) -> frozenset[str]:
    """The flags that `--help` lists; unlike llama-server's, its lines are indented."""
    return parse_help("\n".join(map(str.strip, help_text.splitlines())))


def _listed(numbers: tuple[int, ...]) -> str:
    return ",".join(map(str, numbers))


def _placement(request: LaunchRequest) -> list[str]:
    engine = request.engine
    if not request.devices:
        return ["--device", "none", "--n-gpu-layers", "0"]
    layers = _ALL_LAYERS if engine.n_gpu_layers in (None, "all") else engine.n_gpu_layers
    arguments = ["--device", "/".join(request.devices), "--n-gpu-layers", str(layers)]
    for field in _DEVICE_VALUES:
        arguments += _value(engine, field)
    if request.tensor_split:
        arguments += ["--tensor-split", "/".join(f"{share:g}" for share in request.tensor_split)]
    return arguments


def _switches(engine: EngineConfig, known_flags: frozenset[str]) -> list[str]:
    """Those that llama-server has both ways take a number here, some of them turned round."""
    wanted = {
        "--no-kv-offload": None if engine.kv_offload is None else not engine.kv_offload,
        "--no-op-offload": None if engine.op_offload is None else not engine.op_offload,
        "--repack": engine.repack,
    }
    given = {flag: on for flag, on in wanted.items() if on is not None and flag in known_flags}
    arguments = [word for flag, on in given.items() for word in (flag, str(int(on)))]
    if engine.flash_attn is not None:
        mode = engine.flash_attn
        arguments += ["--flash-attn", _FLASH_ATTENTION.get(mode, mode)]
    return arguments


def _load_mode(mode: str | None, known_flags: frozenset[str]) -> list[str]:
    if mode is None:
        return []
    if "--load-mode" in known_flags:
        return ["--load-mode", mode]
    return ["--mmap", str(int("mmap" in mode))] if mode != "auto" else []


def _value(engine: EngineConfig, field: str) -> list[str]:
    value = getattr(engine, field)
    return [] if value is None else ["--" + field.replace("_", "-"), str(value)]
