import pytest

from workers.engine.environment import scrub

CHANGES_RESULTS = """
LLAMA_ARG_FIT LLAMA_ATTN_ROT_DISABLE GGML_CUDA_P2P CUDA_VISIBLE_DEVICES HF_TOKEN OMP_NUM_THREADS
GOMP_CPU_AFFINITY KMP_AFFINITY OPENBLAS_NUM_THREADS LD_PRELOAD HIP_VISIBLE_DEVICES
NVIDIA_TF32_OVERRIDE MALLOC_ARENA_MAX VK_INSTANCE_LAYERS
"""


@pytest.mark.parametrize("name", CHANGES_RESULTS.split())
def test_what_changes_results_is_dropped(name: str) -> None:
    assert scrub({name: "1"}, {}) == {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}


def test_what_a_process_needs_is_kept() -> None:
    needed = {"PATH": "/bin", "HOME": "/h", "LD_LIBRARY_PATH": "/l", "LC_ALL": "C", "TMPDIR": "/t"}
    assert scrub(needed, {}) == {**needed, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}


def test_the_engines_own_environment_wins() -> None:
    extra = {"CUDA_VISIBLE_DEVICES": "1", "PATH": "/opt", "CUDA_DEVICE_ORDER": "FASTEST_FIRST"}
    assert scrub({"PATH": "/bin", "CUDA_VISIBLE_DEVICES": "0"}, extra) == extra
