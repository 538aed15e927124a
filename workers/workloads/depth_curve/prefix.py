"""The one prefix that all depths are cut from, in slot 0 and in slot files."""

import shutil
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise

import psutil

from warehouse import rows
from workers.engine.completion import Completion
from workers.workloads.base import Asked, Bench
from workers.workloads.prompts import Prompts

_SHARE_OF_ROOM = 0.8


def room_mib(bench: Bench) -> float:
    """What slot files may take: a part of what is free where they lie, and of the RAM.

    The folder is best one in memory; where it is, the file system does not know what the RAM
    has left.
    """
    free = shutil.disk_usage(bench.slot_folder).free
    return _SHARE_OF_ROOM * min(free, psutil.virtual_memory().available) / 2**20


class Prefix:
    """Brings slot 0 to a depth and measures there; counts what that takes.

    Attributes:
        processed: Prompt tokens that the server processed.
        least: Those of them that could not have come from the cache.
        held: Tokens of the prefix in the slot; a trial's tail may lie after them.
        fill_ms, save_ms, restore_ms: Time of the requests, by the client.
    """

    def __init__(self, bench: Bench, prompts: Prompts, longest: int, *, goes_back: bool) -> None:
        """Nothing is done yet.

        Args:
            bench: the server, its slot empty or with anything else.
            prompts: random tokens for its model.
            longest: deepest depth.
            goes_back: whether the memory can drop what lies after any depth.
        """
        self.processed = self.least = 0
        self.fill_ms = self.save_ms = self.restore_ms = 0.0
        self._bench = bench
        self._prompts = prompts
        self._goes_back = goes_back
        self._longest = longest
        self._fills = 0
        self._tokens = prompts.make(longest, "prefix") if longest else []
        self.held = 0
        self._after: Sequence[int] = ()
        self._saved: set[int] = set()

    def empty(self) -> None:
        """Erase the slot."""
        self._bench.client.erase()
        self._now_holds(0)

    def fill(self, depth: int) -> tuple[rows.Prefill, ...]:
        """Extend the slot, which holds a shorter prefix, to that depth.

        Returns:
            The speed of each batch on the way, for free.
        """
        if self.held == 0:
            self.empty()
        done = self._completed(self._tokens[:depth], 0, depth - self.held)
        self.fill_ms += done.total_ms
        self._now_holds(depth)
        self._fills += 1
        return self.batches(done)

    def save(self, depth: int) -> None:
        """Write the slot, which holds just that depth, to a file."""
        began = time.monotonic()
        self._bench.client.save(str(depth))
        self._saved.add(depth)
        self.save_ms += (time.monotonic() - began) * 1000

    def restore(self, depth: int) -> None:
        """Have the slot go on from that depth next; nothing to do where it does."""
        if depth == 0:
            self.empty()
        elif not self._goes_on_from(depth):
            saved = self._longest if self._goes_back else depth
            began = time.monotonic()
            self._bench.client.restore(str(saved))
            self.restore_ms += (time.monotonic() - began) * 1000
            self._now_holds(saved)

    def needs_file(self, depth: int) -> bool:
        """Whether that depth is had from a file of its own; to go back the deepest's is enough."""
        return depth == self._longest if self._goes_back else depth > 0

    def _goes_on_from(self, depth: int) -> bool:
        if self._goes_back:
            return self.held >= depth
        return self.held == depth and not self._after

    def drop(self, depth: int) -> None:
        """Delete the file of a depth, if there is one."""
        if depth in self._saved:
            self._saved.remove(depth)
            (self._bench.slot_folder / str(depth)).unlink(missing_ok=True)

    def drop_all(self) -> None:
        """Delete all files."""
        for depth in tuple(self._saved):
            self.drop(depth)

    def measure(self, asked: Asked, *, goes_on: bool = False) -> Completion:
        """Make a trial at its depth, which the slot holds; it may hold a trial's tail after it.

        With `goes_on` the prompt is the next part of the prefix, which the slot then holds.
        """
        purpose = f"{asked.step}/{asked.depth}/{asked.repetition}"
        if goes_on:
            prompt = self._tokens[: asked.depth + asked.prompt_n]
        elif asked.depth == 0:
            prompt = self._prompts.make(asked.prompt_n, purpose)
        else:
            taken = {*self._after, *self._tokens[asked.depth : asked.depth + 1]}
            tail = self._prompts.tail(asked.prompt_n, purpose, first_not=taken)
            prompt = self._tokens[: asked.depth] + tail
        done = self._completed(prompt, asked.predicted_n, asked.prompt_n)
        if goes_on:
            self._now_holds(asked.depth + asked.prompt_n)
            self._fills += 1
        else:
            self.held, self._after = asked.depth, prompt[asked.depth : asked.depth + 1]
        return done

    def _now_holds(self, depth: int) -> None:
        self.held, self._after = depth, ()

    def _completed(self, prompt: list[int], n_predict: int, least: int) -> Completion:
        completion = self._bench.client.complete(
            prompt,
            n_predict=n_predict,
            cache_prompt=True,
            seed=self._prompts.seed,
            among=self._prompts.plain,
        )
        self.processed += completion.answer.timings.prompt_n or 0
        self.least += least
        return completion

    def batches(self, completion: Completion) -> tuple[rows.Prefill, ...]:
        """The speed of each batch of what extended the prefix last."""
        return tuple(self._batches(completion))

    def _batches(self, completion: Completion) -> Iterator[rows.Prefill]:
        for before, after in pairwise(completion.answer.progress):
            prompt_n, prompt_ms = after.processed - before.processed, after.time_ms - before.time_ms
            yield rows.Prefill(
                cell_id=self._bench.cell_id,
                attempt=self._bench.attempt,
                fill=self._fills,
                depth=before.processed,
                prompt_n=prompt_n,
                prompt_ms=prompt_ms,
                pp_tok_s=prompt_n / prompt_ms * 1000 if prompt_ms else None,
            )
