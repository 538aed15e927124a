"""What a workload is: something that is done to a running server and yields measurements."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from warehouse import rows
from workers.engine.client import Client
from workers.engine.completion import Completion


@dataclass(frozen=True, slots=True)
class MemoryNow:
    """Memory at one moment; None where the system does not tell."""

    rss_mib: float | None
    """Resident set of the engine process."""
    private_mib: float | None
    """The part of it that no file backs: pages of a mapped model come and go as they are read."""
    vram_mib: float | None
    """On the leased GPUs together: the engine's own, else all in use there; None without GPUs."""


@dataclass(frozen=True, slots=True)
class Bench:
    """The running server as a workload gets it: slot 0 empty, telemetry on."""

    cell_id: str
    attempt: int
    """Both for rows that a workload writes itself."""
    client: Client
    context: int
    """Tokens that fit the slot."""
    server_context: int
    """Tokens asked for the whole server; with a unified cache the slots share them."""
    batch_size: int
    """Largest batch of the server, tokens: what a warm-up has to fill."""
    ubatch_size: int
    """Tokens that the server computes at once, at most."""
    checkpoints: bool
    """Whether the server keeps context checkpoints, as deployed ones do."""
    window_cells: int | None
    """Cells of the sliding window's cache, by the log; None without a window."""
    slot_folder: Path
    """Where the server writes saved slots."""
    base_url: str
    """Of the server."""
    api_key: str
    request_timeout_s: float
    """Longest silence of the server."""
    model_path: Path
    folder: Path
    """Private to the launch, best in memory; what a workload makes in it, it removes."""
    cancelled: threading.Event
    """Once set, a workload starts no further request."""
    memory_now: Callable[[], MemoryNow]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a trial asked the server for; never filled from an answer."""

    step: str
    kind: str
    """pp or tg"""
    depth: int
    """Tokens wanted in the cache before the measured ones."""
    prompt_n: int
    predicted_n: int
    repetition: int
    run_order: int
    """Position among the cell's trials, from 1."""

    @property
    def label(self) -> str:
        """For a reader: the step, and its depth if it has one."""
        return f"{self.step} @ d{self.depth}" if self.depth else self.step


@dataclass(frozen=True, slots=True)
class Measured:
    """A finished trial: what was asked and what came back."""

    asked: Asked
    completion: Completion


@dataclass(frozen=True, slots=True)
class KeptLog:
    """A log that is kept in the warehouse beside the cell's rows: Inspect's `.eval`."""

    content: bytes


class Workload(Protocol):
    """A workload bound to its config."""

    def total(self, context: int) -> int:
        """Number of trials at most on a slot of that many tokens; 0: not known before.

        Raises:
            CellFailed: nothing of it fits (`bad_args`).
        """

    def run(self, bench: Bench) -> Iterator[Measured | rows.Row | KeptLog]:
        """Warm up and measure; ends early when cancelled.

        Yields:
            Trials as they end, rows of other child tables of `cells`, and a log to keep.

        Raises:
            CellFailed: a request failed, or nothing fits.
            ConnectionLost: the server went away.
        """
