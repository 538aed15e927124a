"""What a warehouse holds at one moment, read while others write, compact and remove."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from warehouse import rows
from warehouse.errors import WarehouseError
from warehouse.layout import PARENTS, TRANSCRIPTS, parse_cell_stem, stem_of
from warehouse.ledger import Attempt
from warehouse.manifest import (
    MANIFEST_SUFFIX,
    MANIFESTS,
    Manifest,
    active,
    by_name,
    from_json,
    generation_of,
)
from warehouse.storage import Storage
from warehouse.visibility import Files, Visible, manifests_to_read, visible

TABLES = tuple(each.TABLE for each in rows.TABLES)
FIGURES = "figures"
"""Folder of what compaction computes of a generation (`warehouse.figures`); no table."""
FOLDERS = (*TABLES, MANIFESTS, FIGURES, "logs", TRANSCRIPTS)
"""All that a warehouse keeps files in."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Names that were there together."""

    manifests: tuple[str, ...]
    files: Files


def list_files(storage: Storage, tables: Iterable[str] = TABLES) -> Listing:
    """All names of the tables, none of them from before and none from after a compaction.

    Manifests first, parents before children: what is committed by what is listed is listed. If a
    manifest came meanwhile, what it covers may be gone already: then all again.

    Raises:
        WarehouseError: the storage cannot be read.
    """
    wanted = set(tables)
    before = _manifests(storage)
    while True:
        files = storage.list_tables(wanted - PARENTS.keys())
        files |= storage.list_tables(wanted & PARENTS.keys())
        after = _manifests(storage)
        if after == before:
            return Listing(after, files)
        before = after


def _manifests(storage: Storage) -> tuple[str, ...]:
    return tuple(sorted(storage.list_tables([MANIFESTS], MANIFEST_SUFFIX)[MANIFESTS]))


@dataclass(frozen=True, slots=True)
class State:
    """All that a compaction or a removal decides by."""

    listing: Listing
    manifests: tuple[Manifest, ...]
    """Those that count."""
    replaced: tuple[Manifest, ...]
    """Those that a later one replaces."""
    found: Visible
    figures: tuple[str, ...] = ()
    """Files of figures, as `date=YYYY-MM-DD/name`, of generations that count or not."""

    @property
    def dates(self) -> list[str]:
        """Days with a file, as `date=YYYY-MM-DD`, sorted."""
        paths = [path for each in self.listing.files.values() for path in each]
        return sorted({path.partition("/")[0] for path in paths})

    def generations(self, date: str) -> set[str]:
        """Names of the day's generations, also of such that never got a manifest."""
        paths = {path for each in self.listing.files.values() for path in each}
        here = (path for path in paths if path.startswith(f"{date}/"))
        named = {generation for path in here if (generation := generation_of(path))}
        listed = map(by_name, self.listing.manifests)
        return named | {each.generation for each in listed if each.date == date}


@dataclass(slots=True)
class Snapshots:
    """Takes snapshots of one warehouse, and remembers what never changes: its manifests."""

    storage: Storage
    damaged: dict[str, str] = field(default_factory=dict)
    """Files known to be unreadable, as `table/date=YYYY-MM-DD/name` -> why."""
    _read: dict[str, Manifest] = field(default_factory=dict)

    def take(self) -> Visible:
        """The files that count now.

        Raises:
            WarehouseError: the storage cannot be read.
        """
        listing = list_files(self.storage)
        needed = manifests_to_read(listing.manifests, listing.files)
        return visible(listing.files, self.manifests(listing, needed), self.damaged)

    def state(self) -> State:
        """Everything, with all manifests read.

        Raises:
            WarehouseError: the storage cannot be read.
        """
        listing = list_files(self.storage)
        known = [m for path in listing.manifests if (m := self._manifest(path))]
        counting = active(known)
        replaced = tuple(each for each in known if each not in counting)
        found = visible(listing.files, counting, self.damaged)
        return State(listing, tuple(counting), replaced, found, self.figures())

    def figures(self) -> tuple[str, ...]:
        """Files of figures, as `date=YYYY-MM-DD/name`.

        Raises:
            WarehouseError: the storage cannot be read.
        """
        return tuple(self.storage.list_tables([FIGURES])[FIGURES])

    def manifests(self, listing: Listing, needed: Iterable[str]) -> list[Manifest]:
        """The manifests that count; those that are not needed as far as their names tell."""
        wanted = set(needed)
        found = (
            self._manifest(path) if path in wanted else by_name(path) for path in listing.manifests
        )
        return active(each for each in found if each is not None)

    def _manifest(self, path: str) -> Manifest | None:
        """None if it is gone, or damaged."""
        name = f"{MANIFESTS}/{path}"
        if path not in self._read and name not in self.damaged:
            content = self.storage.read(name)
            if content is None:  # replaced, and just removed
                return None
            try:
                self._read[path] = from_json(path, content)
            except WarehouseError as error:
                self.damaged[name] = str(error)
        return self._read.get(path)


def read_attempts(storage: Storage) -> tuple[Attempt, ...]:
    """All committed attempts, from names and manifests alone: no rows are read.

    Raises:
        WarehouseError: the storage cannot be read.
    """
    cells = rows.Cell.TABLE
    listing = list_files(storage, [cells])
    manifests = Snapshots(storage).manifests(listing, listing.manifests)
    small = visible(listing.files, manifests).small(cells)
    stems = {stem_of(path) for path in small}
    covered = {stem for each in manifests for stem in each.covers.get(cells, ())}
    found = (parse_cell_stem(stem) for stem in stems | covered)
    return tuple(each for each in found if each is not None)
