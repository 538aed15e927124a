import csv
import lzma
import tarfile
from pathlib import Path

import pytest

from workers.engine.log import (
    MemoryPart,
    breakdown,
    devices_used,
    error_lines,
    flash_attention,
    listening_port,
    memory_by_device,
    system_info,
)

FIXTURES = Path(__file__).parents[1] / "fixtures"
GPU = FIXTURES / "gpu"
CPU_LOG = FIXTURES / "engine" / "cpu-smollm2-clean-exit.log"


def xz_lines(name: str) -> list[str]:
    return lzma.decompress((GPU / name).read_bytes()).decode(errors="replace").splitlines()


@pytest.fixture(scope="module")
def cuda2() -> list[str]:
    return xz_lines("cuda2-q8q4-c131072-clean-exit.log.xz")


@pytest.fixture(scope="module")
def vulkan() -> list[str]:
    return xz_lines("h100-vulkan-qwen3next24L-c131072-q8q4.log.xz")


@pytest.fixture(scope="module")
def cpu() -> list[str]:
    return CPU_LOG.read_text().splitlines()


def sizes(parts: tuple[MemoryPart, ...]) -> dict[tuple[str, str], float]:
    return {(part.device, part.part): part.mib for part in parts}


def test_port(cuda2: list[str], cpu: list[str]) -> None:
    assert [p for line in cuda2 if (p := listening_port(line))] == [8201]
    assert [p for line in cpu if (p := listening_port(line))] == [42641]
    assert listening_port("main: server is listening on http://127.0.0.1:8080 - starting") == 8080


def test_memory_of_two_gpus(cuda2: list[str]) -> None:
    assert sizes(memory_by_device(cuda2)) == {
        ("CPU_Mapped", "model"): 243.43,
        ("CUDA0", "model"): 8776.26,
        ("CUDA1", "model"): 8315.88,
        ("CUDA_Host", "output"): 0.58,
        ("CUDA0", "kv"): 624.0,
        ("CUDA1", "kv"): 624.0,
        ("CUDA0", "recurrent"): 39.78,
        ("CUDA1", "recurrent"): 35.59,
        ("CUDA0", "compute"): 874.66,
        ("CUDA1", "compute"): 834.65,
        ("CUDA_Host", "compute"): 553.13,
    }


def test_memory_of_vulkan_and_cpu(vulkan: list[str], cpu: list[str]) -> None:
    found = sizes(memory_by_device(vulkan))
    assert found["Vulkan0", "model"] == 8667.79
    assert found["Vulkan_Host", "compute"] == 136.28
    assert sizes(memory_by_device(cpu)) == {
        ("CPU_Mapped", "model"): 92.10,
        ("CPU", "output"): 0.19,
        ("CPU", "kv"): 18.28,
        ("CPU", "compute"): 14.42,
    }


def test_lines_of_the_same_device_and_part_add_up_exactly() -> None:
    lines = [
        "0.03.208.400 I llama_kv_cache:        CPU KV buffer size =     9.75 MiB",
        "0.03.208.401 I llama_kv_cache:        CPU KV buffer size =     6.09 MiB",
        "load_tensors: RPC0[127.0.0.1:50152] model buffer size =    45.78 MiB",
    ]
    assert sizes(memory_by_device(lines)) == {
        ("CPU", "kv"): 15.84,
        ("RPC0[127.0.0.1:50152]", "model"): 45.78,
    }


def test_memory_of_29_configurations_to_the_printed_digit() -> None:
    """Every log against the table that was written beside it when it was measured."""
    with (GPU / "h100x2-memory.csv").open() as file:
        table = list(csv.DictReader(file))
    with tarfile.open(GPU / "h100x2-memory-logs.tar.xz") as archive:
        logs = {m.name: archive.extractfile(m) for m in archive.getmembers() if m.isfile()}
        texts = {name: file.read().decode() for name, file in logs.items() if file}
    compared = [compare(table, name, text.splitlines()) for name, text in texts.items()]
    assert len(compared) == 29
    assert min(compared) >= 10


def compare(table: list[dict[str, str]], name: str, lines: list[str]) -> int:
    axes = tuple(table[0])[:8]
    renamed = {"KV": "kv", "RS": "recurrent"}
    expected = {
        (row["device"], renamed.get(row["part"], row["part"]), row["source"]): float(row["mib"])
        for row in table
        if [row[axis].replace(",", "_") for axis in axes] == cells_of(name)
        and row["source"] != "nvml"
        and row["part"] not in ("free", "self")
    }
    parsed = {(p.device, p.part, p.source): p.mib for p in memory_by_device(lines)}
    parsed |= {(p.device, p.part, p.source): p.mib for p in breakdown(lines)}
    assert {key: parsed.get(key) for key in expected} == expected
    return len(expected)


def cells_of(name: str) -> list[str]:
    """`0+1-65536-q8_0-q4_0-14_10-0-512-1.log`, without a split on one GPU."""
    words = Path(name).stem.split("-")
    return words if len(words) == 8 else [*words[:4], "", *words[4:]]


def test_breakdown_is_the_one_at_exit(vulkan: list[str], cuda2: list[str]) -> None:
    """The Vulkan log has a projection too, with a negative `unaccounted`."""
    assert sizes(breakdown(vulkan)) == {
        ("Vulkan0", "model"): 8667,
        ("Vulkan0", "context"): 661,
        ("Vulkan0", "compute"): 210,
        ("Vulkan0", "unaccounted"): 852,
        ("Host", "model"): 243,
        ("Host", "context"): 0,
        ("Host", "compute"): 136,
    }
    assert sizes(breakdown(cuda2))["CUDA1", "unaccounted"] == 716
    assert breakdown((GPU / "cuda-fit-on-little-memory.log").read_text().splitlines()) == ()


@pytest.mark.parametrize("unaccounted", ["17592186038233", "-8972"])
def test_wrapped_unaccounted_is_dropped(unaccounted: str) -> None:
    row = f"| - RPC0 (x) | 81079 = 70042 + (10314 = 8776 + 663 + 874) + {unaccounted} |"
    found = sizes(breakdown(["cleaning up before exit...", row]))
    assert found == {("RPC0", "model"): 8776, ("RPC0", "context"): 663, ("RPC0", "compute"): 874}


def test_devices(cuda2: list[str], vulkan: list[str], cpu: list[str]) -> None:
    assert devices_used(cuda2) == ("CUDA0", "CUDA1")
    assert devices_used(vulkan) == ("Vulkan0",)
    assert devices_used(cpu) == ()


def test_flash_attention(cuda2: list[str]) -> None:
    assert flash_attention(cuda2) is True
    auto = "llama_context: flash_attn            = auto"
    off = "llama_context: Flash Attention was auto, set to disabled"
    assert flash_attention([auto, off]) is False
    assert flash_attention([auto, "resolve_fused_ops: Flash Attention enabled"]) is True
    assert flash_attention([auto, "Flash Attention not supported, set to disabled"]) is False
    assert flash_attention([auto]) is None


def test_system_info_has_the_compiled_kernels(cuda2: list[str], cpu: list[str]) -> None:
    assert system_info(cuda2)["FA_QUANTS"] == "all"
    assert system_info(cuda2)["ARCHS"] == "900"
    assert system_info(cpu)["AVX2"] == "1"
    assert "FA_QUANTS" not in system_info(cpu)
    assert system_info([]) == {}


def test_error_lines_have_no_time_and_no_info_lines() -> None:
    lines = (GPU / "cuda-oom-context.log").read_text().splitlines()
    assert error_lines(lines)[0] == (
        "ggml_backend_cuda_buffer_type_alloc_buffer: "
        "allocating 187500.00 MiB on device 0: cudaMalloc failed: out of memory"
    )
    assert len(error_lines(lines)) == sum(" E " in line[:20] for line in lines)
    assert error_lines(["error: invalid argument: --zzz"]) == ("error: invalid argument: --zzz",)
