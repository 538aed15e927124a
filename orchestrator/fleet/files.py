"""Model files on the hosts of a fleet: who has which, and how who lacks one gets it.

Driven from the driver's loop; nothing here waits. A host gets one file at a time, and keeps
measuring meanwhile.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from orchestrator.cells import NamedFile
from orchestrator.fleet.fetch_job import GiveUp, Job, Policy, Try, Wait, next_try
from orchestrator.fleet.fetch_run import SOURCE, TARGET, Arrived, Failed, Fetching, FetchRun
from orchestrator.fleet.movers import HostFiles, Movers
from orchestrator.placement import Planned
from workers.contract import ModelFile
from workers.models.fetching import Wanted


@dataclass(frozen=True, slots=True)
class Ready:
    """The host has the file."""

    file: ModelFile
    """Where it lies there."""


@dataclass(frozen=True, slots=True)
class Cannot:
    """The host cannot get it."""

    reason: str
    host_lost: bool = False
    """It is the host that fails, not the file that is missing."""


@dataclass(slots=True)
class _Entry:
    """A file that a host is to get."""

    job: Job
    run: FetchRun | None = None
    end: Ready | Cannot | None = None
    mover_died: bool = False
    """At the latest try."""


class Files:
    """The model files of a fleet."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._movers = Movers(policy.shared)
        self._has: dict[str, dict[str, ModelFile]] = {}
        self._entries: dict[tuple[str, str], _Entry] = {}

    def joined(
        self, host_id: str, node_id: str, has: Iterable[ModelFile], store: str | None = None
    ) -> None:
        """A host is there, for the first time or again; the driver's own one too, as a source.

        Args:
            host_id: its label.
            node_id: Ray's, of this time that it is up.
            has: model files on it; those without a hash are left out.
            store: folder of its model store; None is herd's data folder there.
        """
        self.lost(host_id)
        self._movers.join(host_id, HostFiles(node_id, store))
        self._has[host_id] = {file.sha256: file for file in has if file.sha256}
        for entry in self._entries.values():
            entry.job = entry.job.again_from(host_id)
            if entry.job.wanted.sha256 in self._has[host_id] and isinstance(entry.end, Cannot):
                entry.end = None

    def lost(self, host_id: str) -> None:
        """A host is gone; what it had fetched in part is there when it comes back."""
        self._movers.drop(host_id)
        self._has.pop(host_id, None)
        for key in [key for key in self._entries if key[0] == host_id]:
            del self._entries[key]

    def has(self, host_id: str, cell: Planned) -> bool:
        """Whether the model file of a cell is on a host; for the scheduler, which prefers such."""
        return wanted_by(cell).sha256 in self._has.get(host_id, {})

    def need(self, host_id: str, cell: Planned) -> Ready | Fetching | Cannot:
        """The model file of a cell on a host: fetched if it is not there."""
        return self.need_file(host_id, wanted_by(cell))

    def need_file(self, host_id: str, wanted: Wanted) -> Ready | Fetching | Cannot:
        """A file on a host: fetched if it is not there.

        Args:
            host_id: a host that has joined.
            wanted: the file.
        """
        there = self._has[host_id].get(wanted.sha256 or "")
        if there is not None:
            return Ready(there)
        key = host_id, wanted.sha256 or f"{wanted.model.name} {wanted.quant} {wanted.model.path}"
        if key not in self._entries:
            self._entries[key] = _Entry(Job(host_id, wanted, self._policy.ways))
            self._start(host_id)
        entry = self._entries[key]
        if entry.end is not None:
            return entry.end
        return entry.run.seen if entry.run else Fetching(f"{wanted.name} waits for its turn")

    def step(self) -> None:
        """Take in what has come, start what can start; at each turn of the driver's loop."""
        for entry in self._running():
            end = entry.run.poll() if entry.run else None
            if end is not None:
                self._ended(entry, end)
        for host_id in self._has:
            self._start(host_id)
        self._movers.keep(self._at_work())

    def refs(self) -> list[Any]:
        """Ray references of which one is ready when a fetch has ended."""
        return [entry.run.ref for entry in self._running() if entry.run]

    def fetching(self) -> dict[str, Fetching]:
        """What each host fetches now."""
        return {entry.job.host_id: entry.run.seen for entry in self._running() if entry.run}

    def close(self) -> None:
        """End every fetch; a later one goes on from there."""
        self._entries.clear()
        self._movers.keep(set())

    def _running(self) -> list[_Entry]:
        return [entry for entry in self._entries.values() if entry.run]

    def _at_work(self) -> set[str]:
        """Hosts that give or take a file."""
        return set(self._uploads()) | {entry.job.host_id for entry in self._running()}

    def _uploads(self) -> Counter[str]:
        sources = (entry.run.attempt.source for entry in self._running() if entry.run)
        return Counter(source for source in sources if source)

    def _start(self, host_id: str) -> None:
        """Start the host's next fetch, unless one is running; the first asked for comes first."""
        entries = list(self._open(host_id))
        if any(entry.run for entry in entries):
            return
        for entry in entries:
            sources = self._sources(entry.job)
            match next_try(entry.job, sources, self._uploads()):
                case Try() as attempt:
                    self._begin(entry, attempt)
                    return
                case GiveUp(reason):
                    entry.end = Cannot(reason, host_lost=entry.mover_died)
                case Wait():
                    continue

    def _open(self, host_id: str) -> Iterator[_Entry]:
        for (host, _), entry in self._entries.items():
            if host == host_id and entry.end is None:
                yield entry

    def _sources(self, job: Job) -> list[str]:
        sha256 = job.wanted.sha256 or ""
        return [host for host, has in self._has.items() if host != job.host_id and sha256 in has]

    def _begin(self, entry: _Entry, attempt: Try) -> None:
        from workers.models.mover import Source

        wanted, source = entry.job.wanted, None
        if attempt.source is not None:
            file = self._has[attempt.source][wanted.sha256 or ""]
            source = Source(attempt.source, file, self._movers.of(attempt.source))
            wanted = replace(wanted, size_bytes=file.size_bytes)
        mover = self._movers.of(entry.job.host_id)
        entry.run = FetchRun(mover, wanted, attempt, source)

    def _ended(self, entry: _Entry, end: Arrived | Failed) -> None:
        attempt = entry.run.attempt if entry.run else Try("")
        host_id, entry.run = entry.job.host_id, None
        match end:
            case Arrived(file):
                entry.end = Ready(file)
                if file.sha256:
                    self._has[host_id][file.sha256] = file
            case Failed(reason, lost):
                entry.job = entry.job.after(attempt, reason, may_pass=lost is not None)
                entry.mover_died = lost == TARGET
                dead = {TARGET: host_id, SOURCE: attempt.source}.get(lost or "")
                if dead:
                    self._movers.drop(dead)


def wanted_by(cell: Planned) -> Wanted:
    """The model file of a cell."""
    return wanted_file(*cell.files[0])


def wanted_file(named: NamedFile, file: ModelFile) -> Wanted:
    """A file as the plan has it; its hash from there, else from the catalogue."""
    model, quant = named.model, named.quant
    listed = model.files.get(quant)
    own = model.path or (listed.path if listed else None)
    name = Path(own).name if own else listed.file if listed else Path(file.path).name
    return Wanted(
        model=model,
        quant=quant,
        sha256=file.sha256 or (listed.sha256 if listed else None),
        size_bytes=file.size_bytes or (listed.size_bytes if listed else None),
        name=name,
    )
