"""GPUs that are not there: `pynvml` for a process that has this folder on its PYTHONPATH.

They are JSON in the environment variable FAKE_GPUS: a list of [name, MiB]; FAKE_GPUS_OF makes
their uuids those of one host.
"""

import json
import os
from types import SimpleNamespace
from typing import Any

_GPUS = json.loads(os.environ.get("FAKE_GPUS", "[]"))
_MIB = 1024 * 1024


class NVMLError(Exception):
    """What a card does not tell."""


def nvmlInit() -> None:  # noqa: N802 - NVML's names
    if not _GPUS:
        raise NVMLError


def nvmlDeviceGetCount() -> int:  # noqa: N802
    return len(_GPUS)


def nvmlDeviceGetHandleByIndex(index: int) -> int:  # noqa: N802
    return index + 1


def nvmlDeviceGetUUID(handle: int) -> str:  # noqa: N802
    return f"GPU-{os.environ.get('FAKE_GPUS_OF', 'here')}-{handle}"


def nvmlDeviceGetName(handle: int) -> str:  # noqa: N802
    return str(_GPUS[handle - 1][0])


def nvmlDeviceGetMemoryInfo(handle: int) -> SimpleNamespace:  # noqa: N802
    return SimpleNamespace(total=_GPUS[handle - 1][1] * _MIB, used=_MIB)


def nvmlSystemGetDriverVersion() -> str:  # noqa: N802
    return "580.1"


def __getattr__(name: str) -> Any:
    if name.startswith(("nvmlClocksEventReason", "NVML_")):
        return 0
    if name.startswith("nvml"):
        return _refuses
    raise AttributeError(name)


def _refuses(*_: object) -> None:
    raise NVMLError
