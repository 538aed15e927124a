"""What may be removed from a warehouse: a pure function of what is there."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain

from warehouse.layout import (
    PARENTS,
    SUFFIX,
    TRANSCRIPT_SUFFIX,
    TRANSCRIPTS,
    commit_key,
    is_addition,
    stem_of,
    transcript_key,
)
from warehouse.manifest import MANIFESTS, Manifest, by_name, generation_of
from warehouse.snapshot import FIGURES, TABLES, State
from warehouse.storage import Storage

GRACE_S = 600.0
"""A superseded file stays for so long: readers that have listed it finish first."""

REPLACED = "a later compaction replaced it"
SUPERSEDED = "compacted"
UNFINISHED = "left by a compaction that was killed"
UNCOMMITTED = "left by a writer that was killed, never committed"


@dataclass(frozen=True, slots=True)
class Removal:
    """A file that nobody needs."""

    path: str
    """Relative to the root."""
    why: str


def removals(state: State, now: datetime, grace_s: float = GRACE_S) -> list[Removal]:
    """What to remove, in the order in which it is safe; while nobody else writes.

    Args:
        state: of the warehouse, with all manifests.
        now: the time, UTC.
        grace_s: age at which a generation's predecessors go, s.

    Returns:
        Manifests that are replaced, their files, files that a generation covers, children that
        were never committed, compacted files without a manifest. Never what is damaged: a person
        may save it.
    """
    old = [each for each in state.manifests if _aged(each, now, grace_s) and _whole(each, state)]
    replaced = {(each.date, name) for each in old for name in each.replaces}
    gone = [each for each in state.replaced if (each.date, each.generation) in replaced]
    first = [Removal(each.path, REPLACED) for each in gone]
    others = chain.from_iterable(_of_table(table, state, old, gone) for table in TABLES)
    return [*first, *others, *_figures(state, gone)]


def _figures(state: State, gone: list[Manifest]) -> Iterator[Removal]:
    """Those of generations that go, or have gone."""
    named = {by_name(path).file.partition(".")[0] for path in state.listing.manifests}
    replaced = {each.file.partition(".")[0] for each in gone}
    for path in state.figures:
        generation = path.partition(".")[0]
        if generation in replaced or generation not in named:
            yield Removal(f"{FIGURES}/{path}", REPLACED)


def uncommitted_transcripts(
    storage: Storage, committed: Collection[tuple[str, int]]
) -> list[Removal]:
    """Logs of agent runs whose attempt was never committed; while nobody else writes.

    Args:
        storage: of the warehouse.
        committed: cells and attempts, compacted ones too.

    Raises:
        WarehouseError: the storage cannot be read.
    """
    paths = storage.list_tables([TRANSCRIPTS], TRANSCRIPT_SUFFIX)[TRANSCRIPTS]
    return [
        Removal(f"{TRANSCRIPTS}/{path}", UNCOMMITTED)
        for path in sorted(paths)
        if (key := transcript_key(path)) and key not in committed
    ]


def _aged(manifest: Manifest, now: datetime, grace_s: float) -> bool:
    written = manifest.written_at
    return written is not None and now - written >= timedelta(seconds=grace_s)


def _whole(manifest: Manifest, state: State) -> bool:
    """Whether all its files are there."""
    return all(manifest.file in state.found.files[table] for table in manifest.rows)


def _of_table(
    table: str, state: State, old: list[Manifest], gone: list[Manifest]
) -> Iterator[Removal]:
    parent = PARENTS.get(table, table)
    named = {by_name(path).file for path in state.listing.manifests}
    replaced = {each.file for each in gone}
    superseded = _covered(parent, old)
    committed = _covered(parent, state.manifests)
    committed |= {commit_key(parent, path) for path in state.listing.files[parent]}
    for path in sorted(state.listing.files[table]):
        key = commit_key(table, path)
        if generation_of(path):
            if path in replaced:
                yield Removal(f"{table}/{path}", REPLACED)
            elif path not in named:
                yield Removal(f"{table}/{path}", UNFINISHED)
        elif is_addition(table, path):
            date, stem = path.partition("/")[0], stem_of(path)
            if any(each.date == date and stem in each.covers.get(table, ()) for each in old):
                yield Removal(f"{table}/{path}", SUPERSEDED)
        elif key in superseded:
            yield Removal(f"{table}/{path}", SUPERSEDED)
        elif table != parent and key not in committed and _known(path, state):
            yield Removal(f"{table}/{path}", UNCOMMITTED)


def _covered(parent: str, manifests: Iterable[Manifest]) -> set[str | None]:
    return {
        commit_key(parent, f"{each.date}/{stem}{SUFFIX}")
        for each in manifests
        for stem in each.covers.get(parent, ())
    }


def _known(path: str, state: State) -> bool:
    """Whether all manifests of its day could be read: else one may cover it."""
    date = path.partition("/")[0]
    read = {each.path for each in (*state.manifests, *state.replaced)}
    listed = (f"{MANIFESTS}/{each}" for each in state.listing.manifests)
    return all(each in read for each in listed if each.split("/")[1] == date)


def remove(storage: Storage, found: Iterable[Removal]) -> int:
    """Remove them in this order; returns how many."""
    count = 0
    for each in found:
        storage.delete(each.path)
        count += 1
    return count
