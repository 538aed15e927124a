from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from workers.engine.build import EngineBuild
from workers.engine.config import EngineConfig
from workers.engine.flags import (
    CACHE_TYPES,
    bookkeeping_arguments,
    parse_help,
    pinned_flags,
    server_arguments,
    unknown_flags,
)

HELP = (Path(__file__).parents[1] / "fixtures" / "engine" / "help.txt").read_text()
KNOWN = parse_help(HELP)
ENGINE = EngineConfig(threads=6)


def arguments(
    engine: EngineConfig = ENGINE,
    devices: tuple[str, ...] = ("CUDA0", "CUDA1"),
    tensor_split: tuple[float, ...] = (14, 10),
    known_flags: frozenset[str] = KNOWN,
) -> list[str]:
    return server_arguments(
        engine,
        model_path="/opt/models/x.gguf",
        context=131072,
        cache_k="q8_0",
        cache_v="q4_0",
        devices=devices,
        tensor_split=tensor_split,
        known_flags=known_flags,
    )


def value(words: list[str], flag: str) -> str:
    return words[words.index(flag) + 1]


def test_every_result_changing_flag_is_pinned_on_gpus() -> None:
    assert " ".join(arguments()) == (
        "--model /opt/models/x.gguf --ctx-size 131072 --cache-type-k q8_0 --cache-type-v q4_0 "
        "--threads 6 --threads-batch 6 --device CUDA0,CUDA1 --n-gpu-layers all "
        "--split-mode layer --main-gpu 0 --tensor-split 14,10 "
        "--parallel 1 --fit off --flash-attn on --batch-size 2048 --ubatch-size 512 --poll 50 "
        "--prio 0 --cache-ram 0 --cache-reuse 0 --ctx-checkpoints 0 "
        "--checkpoint-min-step 0 --slot-prompt-similarity 0.1 --sleep-idle-seconds -1 "
        "--no-kv-unified --kv-offload --op-offload --repack --cache-prompt --no-context-shift "
        "--cont-batching --warmup --jinja --load-mode mmap"
    )


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("mmap", ["--mmap"]),
        ("none", ["--no-mmap"]),
        ("mmap+mlock", ["--mmap", "--mlock"]),
        ("dio", ["--no-mmap", "--direct-io"]),
        ("auto", []),
        ("unheard-of", ["--load-mode", "unheard-of"]),
    ],
)
def test_an_older_build_is_told_the_load_mode_in_its_own_flags(mode: str, words: list[str]) -> None:
    older = arguments(replace(ENGINE, load_mode=mode), known_flags=KNOWN - {"--load-mode", "-lm"})
    assert older[older.index("--jinja") + 1 :] == words
    assert {word for word in words if word != mode} <= KNOWN


def test_every_field_of_the_config_reaches_the_command_line() -> None:
    """A new field that nobody wires would change nothing: each must change the arguments."""
    changed: dict[str, Any] = {
        "parallel": 4,
        "kv_unified": True,
        "fit": "on",
        "n_gpu_layers": "12",
        "flash_attn": "auto",
        "batch_size": 1024,
        "ubatch_size": 256,
        "threads": 3,
        "threads_batch": 8,
        "poll": 0,
        "prio": 2,
        "split_mode": "row",
        "main_gpu": 1,
        "n_cpu_moe": 8,
        "override_tensor": "exps=CPU",
        "kv_offload": False,
        "op_offload": False,
        "repack": False,
        "load_mode": "none",
        "swa_full": True,
        "cache_ram": 512,
        "cache_prompt": False,
        "cache_reuse": 256,
        "ctx_checkpoints": 32,
        "checkpoint_min_step": 8192,
        "context_shift": True,
        "cont_batching": False,
        "slot_prompt_similarity": 0.5,
        "warmup": False,
        "jinja": False,
        "sleep_idle_seconds": 60,
        "args": ["--no-host"],
    }
    not_flags = EngineConfig.NOT_IDENTITY | {"env", "address_space_gib"}
    assert set(changed) == {field.name for field in fields(EngineConfig)} - not_flags
    for field, new in changed.items():
        words = arguments(replace(ENGINE, **{field: new}))
        assert words != arguments(), field
        assert unknown_flags(words, build(KNOWN)) == ()


def test_cpu_has_no_device_and_no_split() -> None:
    words = arguments(devices=(), tensor_split=())
    assert (value(words, "--device"), value(words, "--n-gpu-layers")) == ("none", "0")
    assert not {"--split-mode", "--main-gpu", "--tensor-split"} & set(words)


def test_none_leaves_a_flag_out() -> None:
    words = arguments(replace(ENGINE, load_mode=None, jinja=None, n_gpu_layers=None))
    assert not {"--load-mode", "--jinja", "--no-jinja", "--n-gpu-layers"} & set(words)


def test_unresolved_threads_are_refused() -> None:
    with pytest.raises(ValueError, match="threads"):
        arguments(EngineConfig())


def test_a_fractional_split_keeps_its_digits() -> None:
    assert value(arguments(tensor_split=(0.5833, 0.4167)), "--tensor-split") == "0.5833,0.4167"


def build(known: frozenset[str]) -> EngineBuild:
    return EngineBuild(Path("/x/llama-server"), "0", "build 1, commit 7e4c0a9", known, ())


def test_unknown_flags_are_named_in_order() -> None:
    words = arguments(replace(ENGINE, args=["--lazy-mode", "on"]))
    older = build(KNOWN - {"--poll", "--fit"})
    assert unknown_flags(words, older) == ("--fit", "--poll", "--lazy-mode")


def test_values_are_no_flags() -> None:
    assert pinned_flags(["--a-b", "-1", "-c", "-0.5", "x", "--a-b"]) == ("--a-b", "-c")


def test_help_of_a_real_build() -> None:
    assert {"-h", "--usage", "-kvo", "--no-kv-offload", "--fim-qwen-1.5b-default"} <= KNOWN
    assert {"--chat-template-file", "--webui", "-no-kvu", "--sampling-seq"} <= KNOWN
    assert not {"--draft", "--draft-max", "--spec-ngram-size-n", "--zzz", "---"} & KNOWN


def test_cache_types_are_those_of_the_help() -> None:
    assert f"allowed values: {', '.join(CACHE_TYPES)}\n" in HELP


def test_bookkeeping_follows_the_build() -> None:
    paths = {"api_key_file": "/run/k", "slot_save_path": "/run/slots/"}
    words = bookkeeping_arguments(KNOWN, **paths)
    assert value(words, "--host") == "127.0.0.1"
    assert value(words, "--port") == "0"
    assert value(words, "--log-verbosity") == "4"
    assert {"--offline", "--no-ui", "--slots", "--metrics", "--log-timestamps"} <= set(words)
    assert set(pinned_flags(words)) <= KNOWN
    older = bookkeeping_arguments(frozenset({"--no-webui"}), **paths)
    assert "--no-webui" in older
    assert not {"--no-ui", "--offline", "--metrics"} & set(older)
