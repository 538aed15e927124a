"""What llama-bench's fields say of server configuration, host and model file. Pure."""

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import PureWindowsPath

from warehouse import rows
from warehouse.canonical import canonical
from warehouse.imports.llama_bench import SOURCE, BenchTest
from warehouse.imports.runs import Given, Setup

Config = Mapping[str, int | float | str]

_QUANT = r"(?:UD-)?(?:(?:IQ|TQ|Q)\d\w*|BF16|F16|F32|MXFP4\w*|NVFP4\w*)"
_OF_FILE = re.compile(rf"[-._]((?:i1-)?{_QUANT})$", re.IGNORECASE)
_OF_TYPE = re.compile(rf"\b({_QUANT})(?: - (Small|Medium|Large))?$")
_PART = re.compile(r"-\d{5}-of-\d{5}$")
_SAME = ("poll", "main_gpu", "n_cpu_moe", "load_mode", "n_gpu_layers", "split_mode")
_RENAMED = {"n_batch": "batch_size", "n_ubatch": "ubatch_size", "n_threads": "threads"}
_TRUTHS = {"repack": ("repack", False), "no_kv_offload": ("kv_offload", True)} | {
    "no_op_offload": ("op_offload", True)
}
"""Field -> herd's, and whether it is turned round."""
_FLASH_ATTENTION = {-1: "auto", 0: "off", 1: "on"}
_COLUMNS = frozenset(
    {"build_commit", "build_number", "cpu_info", "gpu_info", "model_filename", "type_k", "type_v"}
    | {"tensor_split", "flash_attn"}
)
"""Fields that are kept elsewhere."""
_WORDS = {1: "single", 2: "pair"}


def setup_of(test: BenchTest, *, context: int, given: Given) -> Setup:
    """The server configuration that llama-bench's flags stand for.

    Args:
        test: any of its tests.
        context: tokens.
        given: what the file does not tell; without a host's label its hardware is one.
    """
    config = test.config
    gpus = _gpus_used(config)
    model, quant = _model_of(config, given)
    kept_elsewhere = {*_COLUMNS, *_SAME, *_RENAMED, *_TRUTHS}
    return Setup(
        source=SOURCE,
        model=model,
        quant=quant,
        host_id=given.host_id or hardware_of(config),
        hardware_class=hardware_of(config),
        context=context,
        cache_k=_text(config, "type_k") or _cache_of_old(config),
        cache_v=_text(config, "type_v") or _cache_of_old(config),
        pairing=_pairing(gpus),
        split=_split(config),
        split_mode=_text(config, "split_mode"),
        engine=SOURCE,
        engine_build=test.build,
        facts=_facts(config),
        other={key: value for key, value in config.items() if key not in kept_elsewhere},
        gpus=gpus or (),
    )


def hardware_of(config: Config) -> str:
    """Text that runs on like hardware share, as far as llama-bench tells it."""
    cpu = _text(config, "cpu_info") or "unknown CPU"
    counted = Counter(_gpus(config))
    gpus = [f"{n}x {name}" if n > 1 else name for name, n in sorted(counted.items())]
    return ", ".join([cpu, *(gpus or [_no_gpu(config)])])


def host_row(test: BenchTest, given: Given) -> rows.Host:
    """The host of a test."""
    return rows.Host(
        host_id=given.host_id or hardware_of(test.config),
        seen_at=test.started_at,
        hardware_class=hardware_of(test.config),
        cpu_model=_text(test.config, "cpu_info"),
        cpu_physical_cores=None,
        cpu_logical_cores=None,
        ram_mib=None,
        kernel=None,
        gpus=(),
        driver=None,
        cuda=None,
        python=None,
        source=SOURCE,
        gpu_names=_text(test.config, "gpu_info"),
    )


def model_row(test: BenchTest, given: Given) -> rows.Model:
    """The model file of a test. Its size is not told: `model_size` is that of the tensors."""
    model, quant = _model_of(test.config, given)
    told = ("model_type", "model_size", "model_n_params")
    return rows.Model(
        model_sha256=None,
        host_id=given.host_id or hardware_of(test.config),
        seen_at=test.started_at,
        model=model,
        quant=quant,
        path=_text(test.config, "model_filename"),
        size_bytes=None,
        architecture=None,
        facts=canonical({key: test.config[key] for key in told if key in test.config}),
        source=SOURCE,
    )


def _model_of(config: Config, given: Given) -> tuple[str, str | None]:
    """Name and quant: the catalogue's, else of the file's name, the quant else as described."""
    # Takes both kinds of slashes.
    name = PureWindowsPath(_text(config, "model_filename") or "").name
    if name in given.models:
        return given.models[name]
    stem = _PART.sub("", name.removesuffix(".gguf"))
    described = _text(config, "model_type") or ""
    found = _OF_FILE.search(stem)
    if found:
        return stem[: found.start()], found[1]
    typed = _OF_TYPE.search(described)
    quant = f"{typed[1]}_{typed[2][0]}" if typed and typed[2] else typed[1] if typed else None
    return stem or described or "unknown", quant


def _text(config: Config, name: str) -> str | None:
    found = config.get(name)
    return None if found in (None, "") else str(found)


def _cache_of_old(config: Config) -> str | None:
    """Builds of 2023 have one switch for both caches."""
    return {1: "f16", 0: "f32"}.get(int(config["f16_kv"])) if "f16_kv" in config else None


def _gpus(config: Config) -> list[str]:
    return [each for each in (_text(config, "gpu_info") or "").split(", ") if each]


def _no_gpu(config: Config) -> str:
    """Some back ends of old builds name no GPU."""
    return "no GPU" if _text(config, "backends") in ("CPU", "BLAS") else "GPU not told"


def _gpus_used(config: Config) -> tuple[str, ...] | None:
    """GPUs in split order; None where they are not told."""
    gpus, devices = _gpus(config), _text(config, "devices") or "auto"
    if devices == "none" or (not gpus and _no_gpu(config) == "no GPU"):
        return ()
    if not gpus:
        return None
    if devices != "auto":
        ends = [re.search(r"\d+$", each) for each in devices.split("/")]
        places = [int(each[0]) for each in ends if each]
        if len(places) < len(ends) or any(place >= len(gpus) for place in places):
            return None
        return tuple(gpus[place] for place in places)
    if _text(config, "split_mode") == "none":
        main = int(config.get("main_gpu", 0))
        return (gpus[main],) if main < len(gpus) else None
    return tuple(gpus)


def _pairing(gpus: tuple[str, ...] | None) -> str | None:
    if gpus is None:
        return None
    return _WORDS.get(len(gpus), str(len(gpus))) if gpus else "cpu"


def _split(config: Config) -> tuple[float, ...]:
    """Shares of the devices; all 0 is llama.cpp's default, by free memory."""
    shares = [float(each) for each in (_text(config, "tensor_split") or "0").split("/")]
    return tuple(shares) if any(shares) else ()


def _facts(config: Config) -> dict[str, object]:
    """By the names of an engine configuration."""
    facts: dict[str, object] = {key: config[key] for key in _SAME if key in config}
    facts |= {ours: config[key] for key, ours in _RENAMED.items() if key in config}
    for key, (ours, turned) in _TRUTHS.items():
        if key in config:
            facts[ours] = bool(config[key]) != turned
    if "n_gpu_layers" in facts:
        facts["n_gpu_layers"] = str(facts["n_gpu_layers"])
    if "flash_attn" in config:
        mode = config["flash_attn"]
        facts["flash_attn"] = _FLASH_ATTENTION.get(mode, mode) if isinstance(mode, int) else mode
    return facts
