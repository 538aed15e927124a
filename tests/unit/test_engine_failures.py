from pathlib import Path

import pytest

from workers.engine.failures import classify
from workers.failures import FailureClass

GPU = Path(__file__).parents[1] / "fixtures" / "gpu"
ALLOCATING = "ggml_backend_cuda_buffer_type_alloc_buffer: allocating"
T = "0.00.042.044 E "
CONTEXT = "0.03.168.168 I llama_context: constructing llama_context"


@pytest.mark.parametrize(
    ("log", "failure_class", "reason"),
    [
        (
            "cuda-oom-context",
            FailureClass.OOM_CONTEXT,
            f"{ALLOCATING} 187500.00 MiB on device 0: cudaMalloc failed: out of memory",
        ),
        (
            "cuda-oom-load-foreign-process",
            FailureClass.OOM_LOAD,
            f"{ALLOCATING} 17092.14 MiB on device 0: cudaMalloc failed: out of memory",
        ),
        (
            "cuda-fit-on-little-memory",
            FailureClass.OOM_LOAD,
            f"{ALLOCATING} 17092.14 MiB on device 0: cudaMalloc failed: out of memory",
        ),
        (
            "cuda-split-row",
            FailureClass.UNSUPPORTED,
            "llama_model_load: error loading model: device CUDA0 does not support split buffers",
        ),
        (
            "cuda-vquant-no-fa",
            FailureClass.UNSUPPORTED,
            "llama_init_from_model: quantized V cache requires flash_attn to be enabled",
        ),
    ],
)
def test_failed_starts_on_gpus(log: str, failure_class: FailureClass, reason: str) -> None:
    failure = classify((GPU / f"{log}.log").read_text().splitlines(), 1, "load")
    assert (failure.failure_class, failure.reason) == (failure_class, reason)


@pytest.mark.parametrize(
    ("line", "failure_class"),
    [
        (
            "gguf_init_from_file: failed to open GGUF file 'x' (No such file or directory)",
            "missing_model",
        ),
        ("gguf_init_from_reader: invalid magic characters: '????', expected 'GGUF'", "bad_model"),
        (
            "llama_model_load: error loading model: tensor 'a' data is not within the file bounds",
            "bad_model",
        ),
        (
            "llama_model_load: error loading model: unknown model architecture: 'zzz9'",
            "unsupported",
        ),
        ("LLAMA_SPLIT_MODE_TENSOR not implemented for architecture 'lfm2'", "unsupported"),
        ("ggml_aligned_malloc: insufficient memory (attempted to allocate 99.00 MB)", "oom_load"),
        ("llama_init_from_model: failed to allocate compute pp buffers", "oom_context"),
        ("ggml-rpc.cpp:1: Remote RPC server crashed or returned malformed response", "host_lost"),
        ("couldn't bind HTTP server socket, hostname: 127.0.0.1, port: 1", "crash"),
    ],
)
def test_texts_at_load(line: str, failure_class: str) -> None:
    assert classify([T + line], 1, "load").failure_class == failure_class


@pytest.mark.parametrize(
    ("line", "failure_class"),
    [
        ("error: invalid argument: --x", "bad_args"),
        ('error while handling argument "-ctk": Unsupported cache type: q9_0', "bad_args"),
        ('error while handling argument "-dev": invalid device: CUDA7', "device_missing"),
        ("x: error while loading shared libraries: libgomp.so.1: cannot open", "engine_missing"),
        ("/bin/sh: 1: exec: /opt/llama-server: Exec format error", "engine_missing"),
    ],
)
def test_texts_before_there_is_a_log(line: str, failure_class: str) -> None:
    assert classify([line], 1, "load").failure_class == failure_class


def test_out_of_memory_after_the_weights_is_the_context() -> None:
    line = T + "ggml_aligned_malloc: insufficient memory (attempted to allocate 351562.50 MB)"
    assert classify([line], 1, "load").failure_class is FailureClass.OOM_LOAD
    assert classify([CONTEXT, line], 1, "load").failure_class is FailureClass.OOM_CONTEXT


def test_out_of_memory_while_running() -> None:
    lines = [CONTEXT, "CUDA error: out of memory", "/x/ggml-cuda.cu:88: CUDA error"]
    failure = classify(lines, -6, "run")
    assert failure.failure_class is FailureClass.OOM_RUN
    assert failure.reason == "CUDA error: out of memory"


def test_refused_requests_and_fitting_are_not_the_cause() -> None:
    lines = [
        T + "common_fit_params: encountered an error while trying to fit params: out of memory",
        T + "srv    send_error: task id = 41, error: Prompt contains invalid tokens",
    ]
    failure = classify(lines, -11, "run")
    assert failure.failure_class is FailureClass.CRASH
    assert failure.reason.startswith("llama-server was ended by SIGSEGV")


def test_sigkill_is_out_of_memory_only_if_the_kernel_did_it() -> None:
    assert classify([], -9, "run").failure_class is FailureClass.CRASH
    by_kernel = classify([], -9, "run", oom_killed=True)
    assert by_kernel.failure_class is FailureClass.OOM_RUN
    at_load = classify([], 137, "load", oom_killed=True)
    assert at_load.failure_class is FailureClass.OOM_LOAD


def test_an_unknown_end_shows_what_was_said_last() -> None:
    assert classify(["hello"], 3, "load").reason == "llama-server ended with exit code 3: hello"
    assert classify([], 0, "run").reason == "llama-server ended with exit code 0"


def test_a_long_reason_is_shortened_to_one_line() -> None:
    reason = classify([T + "out of memory " + "x" * 1000], 1, "load").reason
    assert len(reason) == 300
    assert reason.endswith("...")


@pytest.mark.parametrize("exit_code", [-4, 132])
def test_a_build_for_another_cpu_is_not_tried_again(exit_code: int) -> None:
    failure = classify(["0.00.022.633 I print_info: n_head = 9"], exit_code, "load")
    assert failure.failure_class is FailureClass.UNSUPPORTED
    assert "instructions that this CPU does not have" in failure.reason
