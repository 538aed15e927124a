"""Compute buffers and the overhead of a process, learned from measured launches.

No formula gives the compute buffer, but its growth is known: the attention mask and the copies
that flash attention makes of a quantised cache grow with the context, activations with the tokens
of a ubatch. So the part that grows is computed, and the rest is read off launches of the same
model and build: the buffer is `inputs + max(a * n, work + b * n)` for `n` tokens a ubatch, with
the least `a` and `b` that every measured launch allows. `docs/memory.md` says more.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import median

from orchestrator.memory.kv import cells, cells_per_stream
from orchestrator.memory.server import HOST, ServerShape
from orchestrator.memory.weights import Weights
from workers.models.layers import Layer
from workers.models.shape import ModelShape

MIB = 2**20
_F16_BYTES = 2
_F32_BYTES = 4
_PIPELINE_COPIES = 4
"""llama.cpp's GGML_SCHED_MAX_COPIES."""
_ESTIMATED_OVERHEAD_MIB = 1024.0
"""A GPU's context, kernels and pools without any history; 711 to 747 were seen on an H100."""
_ESTIMATED_HOST_MIB = 512.0
_EMBEDDING_COPIES = 16
"""Activations as wide as the embedding that are taken to live at once, without any history."""


@dataclass(frozen=True, slots=True)
class MeasuredLaunch:
    """What a launch really took, where prediction needs it; one value a launch."""

    digest: str
    """`ModelShape.digest` of its model."""
    engine_build: str
    """As in `launches.engine_build`, or the engine's hash: what tells builds apart."""
    hardware_class: str
    server: ServerShape
    moved: int
    """`Weights.moved` of it, bytes."""
    compute_mib: Mapping[str, float]
    """Compute buffers by device, `Host` among them; devices as in `server`."""
    overhead_mib: Mapping[str, float]
    """What each device held beyond all buffers (breakdown's unaccounted; NVML less the log)."""


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """What measured launches tell of planned ones of a model; made by `relevant`, once."""

    buffers: tuple["_Buffer", ...] = ()
    """Compute buffers of the same shape and build."""
    overhead: tuple[tuple[int, bool, float], ...] = ()
    """Of the same hardware class and build, any model: devices, whether the host's, MiB."""


NOTHING = History()
"""No measured launch: one object, so that what is predicted without history is shared."""


@dataclass(frozen=True, slots=True)
class Learned:
    """A figure and where it is from."""

    mib: float
    basis: str
    """history or estimate"""


def relevant(
    launches: Iterable[MeasuredLaunch], shape: ModelShape, engine_build: str, hardware_class: str
) -> History:
    """What these launches tell of this model with this build on this hardware."""
    of_build = [launch for launch in launches if launch.engine_build == engine_build]
    buffers = (
        _Buffer(
            _Use.of(old.server, old.moved, name),
            _Growth.of(shape, old.server, old.moved, name),
            mib,
        )
        for old in of_build
        if old.digest == shape.digest
        for name, mib in old.compute_mib.items()
    )
    overhead = (
        (len(old.server.used_devices), name == HOST, mib)
        for old in of_build
        if old.hardware_class == hardware_class
        for name, mib in old.overhead_mib.items()
    )
    found = History(tuple(buffers), tuple(overhead))
    return found if found.buffers or found.overhead else NOTHING


def compute_mib(
    shape: ModelShape, server: ServerShape, weights: Weights, device: str, history: History
) -> Learned:
    """The compute buffers on a device, MiB."""
    shares = _shares(history, _Use.of(server, weights.moved, device))
    grows = _Growth.of(shape, server, weights.moved, device)
    if shares is None:
        return Learned(grows.total(_activations(shape), _activations(shape)), "estimate")
    return Learned(grows.total(*shares), "history")


@lru_cache(maxsize=4096)
def _shares(history: History, use: "_Use") -> tuple[float, float] | None:
    """The least MiB a token that measured buffers allow, whole and beyond work; None without."""
    known = _alike(use, history.buffers)
    if not known:
        return None
    return (
        min(old.growth.share(old.mib) for old in known),
        min(old.growth.share_beyond_work(old.mib) for old in known),
    )


def overhead_mib(server: ServerShape, device: str, history: History) -> Learned:
    """What a device holds beyond all buffers, MiB: the median of what was seen there.

    Of launches on as many devices, where there are such.
    """
    seen = _overhead(history, len(server.used_devices), is_host=device == HOST)
    if seen is not None:
        return Learned(seen, "history")
    if device != HOST:
        return Learned(_ESTIMATED_OVERHEAD_MIB, "estimate")
    return Learned(_ESTIMATED_HOST_MIB, "estimate")


@lru_cache(maxsize=4096)
def _overhead(history: History, devices: int, *, is_host: bool) -> float | None:
    seen = [old for old in history.overhead if old[1] == is_host]
    alike = [old for old in seen if old[0] == devices] or seen
    return median(mib for *_, mib in alike) if alike else None


@dataclass(frozen=True, slots=True)
class _Growth:
    """The parts of a compute buffer that are known without measuring, MiB."""

    inputs: float
    """Masks, in each copy of a pipeline, and a tensor copied from the host."""
    work: float
    """What attention lays beside them: the cache in f16, or the scores."""
    tokens: int

    @classmethod
    def of(cls, shape: ModelShape, server: ServerShape, moved: int, device: str) -> "_Growth":
        tokens = server.ubatch_size
        masks = (
            _mask_cells(shape, server) * tokens * (_F16_BYTES if server.flash_attn else _F32_BYTES)
        )
        is_attending = device != HOST or not server.used_devices or not server.kv_offload
        copied = moved if device != HOST else 0
        work = _attention_bytes(shape, server) if is_attending else 0
        inputs = masks * _copies(server) + copied
        return cls(inputs / MIB, work / MIB, tokens)

    def share(self, mib: float) -> float:
        """MiB a token that a measured buffer allows at most."""
        return max(0.0, mib - self.inputs) / self.tokens

    def share_beyond_work(self, mib: float) -> float:
        """The same for what lies beside the work of attention; below 0 where there is none."""
        return (mib - self.inputs - self.work) / self.tokens

    def total(self, share: float, beyond_work: float) -> float:
        """The whole buffer of such shares, MiB."""
        tokens = self.tokens
        return self.inputs + max(share * tokens, self.work + beyond_work * tokens)


def _mask_cells(shape: ModelShape, server: ServerShape) -> int:
    """Cells that one token's masks look at: one mask for all full layers, one for sliding ones."""
    by_kind = {layer.kind: layer for layer in _attending(shape)}
    return sum(cells_per_stream(layer, server) for layer in by_kind.values())


def _attention_bytes(shape: ModelShape, server: ServerShape) -> int:
    """The most that the attention of one layer lays down beside its inputs."""
    attending = _attending(shape)
    if not server.flash_attn:
        width = _F32_BYTES * shape.heads * server.ubatch_size
        return max((cells_per_stream(layer, server) * width for layer in attending), default=0)
    k, v = (kind not in ("f16", "bf16") for kind in (server.cache_k, server.cache_v))
    return max(
        (
            cells(layer, server) * _F16_BYTES * (k * layer.key_width + v * layer.value_width)
            for layer in attending
        ),
        default=0,
    )


@lru_cache(maxsize=256)
def _attending(shape: ModelShape) -> tuple[Layer, ...]:
    """The layers with a KV cache, equal ones once."""
    return tuple(dict.fromkeys(layer for layer in shape.layers if layer.key_width))


def _copies(server: ServerShape) -> int:
    """Copies of the graph's inputs: layers on several devices are a pipeline."""
    is_pipeline = (
        len(server.used_devices) > 1
        and server.split_mode == "layer"
        and server.n_gpu_layers is None
        and server.kv_offload
        and not server.n_cpu_moe
        and not server.overrides
    )
    return _PIPELINE_COPIES if is_pipeline else 1


@lru_cache(maxsize=256)
def _activations(shape: ModelShape) -> float:
    """An upper estimate of what one token takes, MiB: logits and every width, in f32."""
    attention = max(shape.heads * layer.key_length for layer in shape.layers)
    state = max(layer.conv_state for layer in shape.layers)
    wide = _EMBEDDING_COPIES * shape.embedding_length + 4 * shape.feed_forward
    return (shape.vocab_size + wide + 4 * attention + 4 * state) * _F32_BYTES / MIB


@dataclass(frozen=True, slots=True)
class _Use:
    """What has to be alike for one compute buffer to tell of another."""

    flash_attn: bool
    is_host: bool
    part: tuple[int, int, int]
    """Copies of the inputs, how many devices there are, and which of them this is."""
    moves: bool
    """Whether tensors are copied from the host for large batches."""
    ubatch: int

    @classmethod
    def of(cls, server: ServerShape, moved: int, device: str) -> "_Use":
        names = server.used_devices
        place = names.index(device) if device in names else -1
        part = _copies(server), len(names), place
        return cls(server.flash_attn, device == HOST, part, bool(moved), server.ubatch_size)


@dataclass(frozen=True, slots=True)
class _Buffer:
    """A measured compute buffer."""

    use: _Use
    growth: _Growth
    mib: float


def _alike(use: _Use, buffers: Sequence[_Buffer]) -> list[_Buffer]:
    """The measured buffers that are most like one of this use.

    Flash attention has to be the same. Then, each as far as such launches are there: as many
    devices of which it is the same one, the same use of the host's experts, the same ubatch.
    """
    seen = [
        old
        for old in buffers
        if (old.use.flash_attn, old.use.is_host) == (use.flash_attn, use.is_host)
    ]
    seen = [old for old in seen if old.use.part == use.part] or seen
    seen = [old for old in seen if old.use.moves == use.moves] or seen
    return [old for old in seen if old.use.ubatch == use.ubatch] or seen
