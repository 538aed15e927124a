"""How the state at each depth is had again, and whether it can be: pure but for the probe."""

from collections.abc import Sequence
from dataclasses import dataclass

from workers.workloads.base import Bench
from workers.workloads.prompts import Prompts
from workers.workloads.warm_up import WARM_UP_PREDICT

_SHORT, _LONG = 32, 64
"""Tokens of the two saves of the probe: their sizes tell what a token takes."""


@dataclass(frozen=True, slots=True)
class Probed:
    """What the server's memory can do, found by trying."""

    extends: bool
    """A prompt goes on from the end of a cached one."""
    restores: bool
    """A prompt goes on from the end of a saved and restored one."""
    goes_back: bool
    """A prompt goes on from any place of a cached one: full attention alone."""
    token_bytes: float
    """What a token adds to a slot file."""
    fixed_bytes: float
    """What a slot file takes besides."""

    @property
    def is_window(self) -> bool:
        """Whether going on needs tokens that the memory drops: a sliding window."""
        return not self.extends

    def file_mib(self, depth: int) -> float:
        """Size of a slot file of that depth."""
        return (self.fixed_bytes + self.token_bytes * depth) / 2**20


@dataclass(frozen=True, slots=True)
class Method:
    """How repetitions come back to their depth."""

    restores: bool
    """From a slot file before each trial; else by going back in the cache."""
    interleaves: bool
    """Repetitions run over all depths in turn; else all at a depth, depths ascending."""
    reason: str | None
    """Why not interleaved."""


def choose(probed: Probed, depths: Sequence[int], *, checkpoints: bool, room_mib: float) -> Method:
    """The method for a server.

    Args:
        probed: What its memory can do.
        depths: Ascending.
        checkpoints: Whether it keeps context checkpoints: then it is measured as deployed.
        room_mib: What slot files may take.
    """
    if checkpoints:
        return Method(
            False, False, "context checkpoints are on: measured by extension, as deployed"
        )
    if not probed.restores:
        return Method(False, False, "a restored slot cannot be gone on from (sliding window)")
    kept = depths[-1:] if probed.goes_back else depths
    sizes = [probed.file_mib(depth) for depth in kept if depth]
    if sum(sizes) <= room_mib:
        return Method(True, True, None)
    reason = f"slot files take {sum(sizes):.0f} MiB, there is room for {room_mib:.0f}"
    return Method(max(sizes) <= room_mib and not probed.goes_back, False, reason)


def probe(bench: Bench, prompts: Prompts) -> Probed:
    """Find out on the server itself; leaves random tokens in the slot, and generation warm.

    Raises:
        CellFailed: a request failed.
        ConnectionLost: the server went away.
    """
    client = bench.client
    tokens = prompts.make(_LONG + 1, "probe")
    name = "probe"

    def cached(prompt: list[int], n_predict: int = 0) -> int | None:
        completion = client.complete(
            prompt,
            n_predict=n_predict,
            cache_prompt=True,
            seed=prompts.seed,
            among=prompts.plain,
        )
        return completion.answer.timings.cache_n

    client.erase()
    cached(tokens[:_SHORT])
    short = client.save(name)
    extends = cached(tokens[:_LONG]) == _SHORT
    long = client.save(name)
    client.restore(name)
    restores = cached(tokens, WARM_UP_PREDICT) == _LONG
    other = prompts.tail(1, "probe", first_not=tokens[_SHORT : _SHORT + 1])
    goes_back = cached(tokens[:_SHORT] + other) == _SHORT
    (bench.slot_folder / name).unlink(missing_ok=True)
    token_bytes = (long.size_bytes - short.size_bytes) / (_LONG - _SHORT)
    return Probed(
        extends, restores, goes_back, token_bytes, short.size_bytes - token_bytes * _SHORT
    )
