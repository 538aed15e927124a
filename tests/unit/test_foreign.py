import pytest

from workers.foreign import Foreign, foreign_pids, pids_by_gpu, words
from workers.gpu import GpuProcess

ENGINE, OTHER, THIRD = 100, 200, 300


def listed(*pids: int) -> tuple[GpuProcess, ...]:
    return tuple(GpuProcess(pid, None) for pid in pids)


@pytest.mark.parametrize(
    ("pids", "before", "foreign"),
    [
        ((ENGINE,), (), ()),
        ((ENGINE, OTHER), (), (OTHER,)),
        ((ENGINE, THIRD, OTHER), (OTHER,), (OTHER, THIRD)),
        ((), (OTHER,), ()),
        # another pid namespace, or the engine is not on this card yet
        ((31337,), (), ()),
        ((31337, OTHER), (OTHER,), (OTHER,)),
    ],
)
def test_who_is_foreign(
    pids: tuple[int, ...], before: tuple[int, ...], foreign: tuple[int, ...]
) -> None:
    assert foreign_pids(listed(*pids), ENGINE, before) == foreign


def test_not_told_is_not_nobody() -> None:
    assert foreign_pids(None, ENGINE, ()) is None


def test_words_and_pids() -> None:
    found = [
        Foreign("CUDA0", "GPU-0", GpuProcess(7, 512.4), "python3"),
        Foreign("CUDA0", "GPU-0", GpuProcess(8, None), None),
        Foreign("CUDA1", "GPU-1", GpuProcess(7, None), "python3"),
    ]
    assert words(found) == "CUDA0: pid 7 (python3, 512 MiB); CUDA0: pid 8; CUDA1: pid 7 (python3)"
    assert words([]) == ""
    assert pids_by_gpu(found) == {"GPU-0": {7, 8}, "GPU-1": {7}}
