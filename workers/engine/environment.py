"""The environment of the engine process: pure.

llama.cpp has an environment twin for every flag, and its libraries read more (GGML_CUDA_P2P,
OMP_NUM_THREADS, CUDA_VISIBLE_DEVICES, ...). So nothing gets through that is not known to be
harmless; what a host needs besides goes into the engine's config, and thereby into its identity.
"""

from collections.abc import Mapping

KEPT = frozenset(
    {
        # What a process needs to find its files, libraries and place.
        *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "PWD", "TZ", "TZDIR"),
        *("TMPDIR", "TMP", "TEMP", "LD_LIBRARY_PATH"),
        *("LANG", "LANGUAGE"),
        # Where Vulkan finds its driver, and drivers keep compiled shaders.
        *("VK_ICD_FILENAMES", "VK_DRIVER_FILES", "XDG_DATA_DIRS", "XDG_DATA_HOME"),
        *("XDG_CACHE_HOME", "XDG_CONFIG_DIRS", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"),
        # Which devices a container was given; read by its runtime, not by the engine.
        *("NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES"),
    }
)
"""Names that are handed on, with every `LC_*`."""


def scrub(environ: Mapping[str, str], extra: Mapping[str, str]) -> dict[str, str]:
    """`environ` without all that may change results, then device order by bus, then `extra`.

    With `CUDA_DEVICE_ORDER=PCI_BUS_ID`, CUDA0 is the same card as NVML's and nvidia-smi's 0.
    """
    kept = {name: value for name, value in environ.items() if name in KEPT or name[:3] == "LC_"}
    return {**kept, "CUDA_DEVICE_ORDER": "PCI_BUS_ID", **extra}
