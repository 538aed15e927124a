"""What is tried next for a model file that a host lacks. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from warehouse.errors import ConfigError
from workers.models.fetching import Wanted
from workers.models.ways import PEER, SHARED, WAYS

UPLOADS_A_HOST = 2
"""Copies that a host gives away at once: more would not be faster, and its hosts that have the
file give it on."""
TRIES = 2
"""Of one way, or of one other host, when it fails in a way that may pass."""


@dataclass(frozen=True, slots=True)
class Policy:
    """In which ways hosts get model files, in order."""

    ways: tuple[str, ...] = WAYS
    shared: str | None = None
    """Folder that hosts share."""


def fetch_policy(ways: Collection[str], shared: str | None) -> Policy:
    """The policy that a configuration names; without a shared folder that way is left out.

    Raises:
        ConfigError: it names an unknown way, or one twice.
    """
    for way in ways:
        if way not in WAYS:
            raise ConfigError(f"fleet.fetch: '{way}' is none of {', '.join(WAYS)}")
    if len(set(ways)) < len(ways):
        raise ConfigError("fleet.fetch names a way twice")
    return Policy(tuple(way for way in ways if way != SHARED or shared), shared)


@dataclass(frozen=True, slots=True)
class Try:
    """One way to one file; of `peer` with the host that gives it."""

    way: str
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """Every host that has the file is giving away as much as it may."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """No way is left."""

    reason: str


@dataclass(frozen=True, slots=True)
class Job:
    """A file that a host is to get, and what was tried."""

    host_id: str
    wanted: Wanted
    ways: tuple[str, ...]
    """In order."""
    failed: tuple[tuple[Try, str], ...] = ()
    """What was tried in vain, and why."""
    barred: frozenset[Try] = frozenset()
    """What is not worth another try."""

    def after(self, attempt: Try, reason: str, *, may_pass: bool) -> "Job":
        """The job after a try in vain."""
        failed = (*self.failed, (attempt, reason))
        again = may_pass and sum(each == attempt for each, _ in failed) < TRIES
        barred = self.barred if again else self.barred | {attempt}
        return replace(self, failed=failed, barred=barred)

    def again_from(self, source: str) -> "Job":
        """The job once a source is up again: what failed there counts no more."""
        attempt = Try(PEER, source)
        failed = tuple(each for each in self.failed if each[0] != attempt)
        return replace(self, failed=failed, barred=self.barred - {attempt})


def next_try(job: Job, sources: Collection[str], uploads: Mapping[str, int]) -> Try | Wait | GiveUp:
    """What to do next.

    Args:
        job: what was tried.
        sources: hosts that have the file and can be reached.
        uploads: copies that each gives away now.
    """
    for way in job.ways:
        if way != PEER:
            attempt = Try(way)
            if attempt not in job.barred:
                return attempt
            continue
        left = [each for each in sources if Try(PEER, each) not in job.barred]
        free = [each for each in left if uploads.get(each, 0) < UPLOADS_A_HOST]
        if free:
            return Try(PEER, min(free, key=lambda each: (uploads.get(each, 0), each)))
        if left:
            return Wait()
    return GiveUp(_reason(job))


def _reason(job: Job) -> str:
    """Every way with the last that went wrong there; who never had it says so."""
    last = {(attempt.way, attempt.source): reason for attempt, reason in job.failed}
    told = [f"{source or way}: {reason}" for (way, source), reason in last.items()]
    if PEER in job.ways and not any(way == PEER for way, _ in last):
        told.append("no other host of the fleet has it")
    name = job.wanted.name
    return f"{job.host_id} has no {name}; {'; '.join(told) or 'fleet.fetch names no way to it'}"
