"""What of a server configuration decides memory, taken from its engine configuration."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from warehouse.errors import ConfigError
from workers.engine.config import DEFAULT_BATCH_SIZE, DEFAULT_UBATCH_SIZE, EngineConfig

HOST = "Host"
"""The host's memory as a device."""
AUTO_SLOTS = 4
"""Slots that llama-server takes, with a unified cache, when it is not told."""
_CONTEXT_PAD = 256


@dataclass(frozen=True, slots=True)
class ServerShape:
    """The part of a server configuration that decides memory; defaults are those of herd."""

    context: int
    """Tokens."""
    cache_k: str = "f16"
    cache_v: str = "f16"
    devices: tuple[str, ...] = ()
    """As the engine names them, in split order; none is the CPU."""
    split: tuple[float, ...] = ()
    """Proportions by device; empty is even."""
    parallel: int = 1
    kv_unified: bool = False
    batch: int = DEFAULT_BATCH_SIZE
    ubatch: int = DEFAULT_UBATCH_SIZE
    n_gpu_layers: int | None = None
    """None is all."""
    n_cpu_moe: int = 0
    overrides: tuple[tuple[str, str], ...] = ()
    """Regular expression of tensor names, and the buffer that they go to."""
    split_mode: str = "layer"
    main_gpu: int = 0
    kv_offload: bool = True
    op_offload: bool = True
    flash_attn: bool = True
    swa_full: bool = False
    mmap: bool = True
    repack: bool = True
    outputs: int = 0
    """Tokens whose logits are kept on the host; a server keeps those of one by slot."""

    @property
    def context_per_sequence(self) -> int:
        """Cells of each stream of the KV cache, as llama.cpp pads them."""
        whole = padded(self.context)
        return whole if self.kv_unified else padded(whole // self.parallel)

    @property
    def streams(self) -> int:
        """KV caches of that size."""
        return 1 if self.kv_unified else self.parallel

    @property
    def ubatch_size(self) -> int:
        """Tokens that are computed at once, in a context that has room for them."""
        return min(self.ubatch, self.batch)

    @property
    def used_devices(self) -> tuple[str, ...]:
        """The devices that layers go to."""
        if self.n_gpu_layers == 0:
            return ()
        if self.split_mode == "none" and self.devices:
            return (self.devices[self.main_gpu],)
        return self.devices


def padded(cells: int) -> int:
    """Cells rounded up as llama.cpp does."""
    return -(-cells // _CONTEXT_PAD) * _CONTEXT_PAD


def server_shape(
    engine: EngineConfig,
    *,
    context: int,
    cache_k: str,
    cache_v: str,
    devices: tuple[str, ...],
    split: tuple[float, ...],
    free_mib: Mapping[str, float] | None = None,
) -> ServerShape:
    """What of this configuration decides memory.

    Args:
        engine: With every `auto` resolved; an `n_cpu_moe` that is not counts as 0.
        context: Tokens.
        cache_k: KV cache type of K.
        cache_v: KV cache type of V.
        devices: As the engine names them, in split order; none is the CPU.
        split: Proportions by device; empty: as the engine splits, by free memory.
        free_mib: Free memory by device, for such a split; without it, even.

    Raises:
        ConfigError: A value of the engine cannot be read.
    """
    if not split and free_mib and all(free_mib.get(device) for device in devices):
        split = tuple(free_mib[device] for device in devices)
    auto = engine.parallel is None or engine.parallel < 1
    return ServerShape(
        context=context,
        cache_k=cache_k,
        cache_v=cache_v,
        devices=devices,
        split=split,
        parallel=AUTO_SLOTS if auto else engine.parallel or 1,
        kv_unified=auto if engine.kv_unified is None else engine.kv_unified,
        batch=_default(engine.batch_size, DEFAULT_BATCH_SIZE),
        ubatch=_default(engine.ubatch_size, DEFAULT_UBATCH_SIZE),
        n_gpu_layers=_gpu_layers(engine.n_gpu_layers),
        n_cpu_moe=engine.n_cpu_moe if isinstance(engine.n_cpu_moe, int) else 0,
        overrides=_overrides(engine.override_tensor),
        split_mode=engine.split_mode or "layer",
        main_gpu=_main_gpu(engine, devices),
        kv_offload=engine.kv_offload is not False,
        op_offload=engine.op_offload is not False,
        flash_attn=engine.flash_attn not in ("off", "0", "false", "disabled"),
        swa_full=bool(engine.swa_full),
        mmap=engine.load_mode in (None, "auto", "mmap", "mmap+mlock"),
        repack=engine.repack is not False,
    )


def _default(value: int | None, default: int) -> int:
    return default if value is None else value


def _gpu_layers(text: str | None) -> int | None:
    if text is None or not text.lstrip("-").isdigit():
        return None
    return None if int(text) < 0 else int(text)


def _main_gpu(engine: EngineConfig, devices: tuple[str, ...]) -> int:
    number = engine.main_gpu or 0
    if engine.split_mode == "none" and devices and not 0 <= number < len(devices):
        raise ConfigError(f"engine.main_gpu is {number}, but there are {len(devices)} devices")
    return number


def _overrides(text: str | None) -> tuple[tuple[str, str], ...]:
    """`EXPRESSION=BUFFER,...`, as llama-server takes them."""
    found = []
    for entry in text.split(",") if text else ():
        pattern, equals, buffer = entry.rpartition("=")
        try:
            re.compile(pattern)
        except re.error as error:
            raise ConfigError(f"engine.override_tensor: '{pattern}' is no expression") from error
        if not equals or not buffer:
            raise ConfigError(f"engine.override_tensor: '{entry}' is not EXPRESSION=BUFFER")
        found.append((pattern, buffer))
    return tuple(found)
