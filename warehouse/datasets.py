"""The tables of a warehouse as Arrow data sets over the files that count and can be read."""

from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

import pyarrow.dataset as ds

from warehouse.damage import READING, open_file, unreadable
from warehouse.errors import WarehouseError
from warehouse.layout import PARENTS
from warehouse.schemas import schema_of_table
from warehouse.snapshot import Snapshots
from warehouse.storage import Storage
from warehouse.visibility import LeftOut, Visible

_OPENERS = 4
"""Threads that read footers."""
_TRIES = 10
"""Snapshots before giving up, each taken because files of the last one were gone."""


class Datasets:
    """Data sets of one warehouse; a file's footer is read once."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._snapshots = Snapshots(storage)
        self._given: dict[str, tuple[list[str], ds.Dataset]] = {}
        self._open: dict[tuple[str, str], ds.ParquetFileFragment] = {}
        self.left_out: tuple[LeftOut, ...] = ()
        """What the last snapshot leaves out and a person should look at."""

    def empty(self, table: str) -> ds.Dataset:
        """The table without rows."""
        return self._dataset(table, ())

    def refresh(self, tables: Collection[str]) -> dict[str, ds.Dataset]:
        """These tables, all of one snapshot of what is committed now.

        Raises:
            WarehouseError: the storage cannot be read, or files go faster than they are read.
        """
        # Their parents too: a damaged one commits nothing.
        wanted = {*tables, *(PARENTS[table] for table in tables if table in PARENTS)}
        for _ in range(_TRIES):
            found = self._snapshots.take()
            if self._open_all(found, wanted):
                return self._given_of(found, tables)
        raise WarehouseError(f"files go from {self._storage.name()} while it is read: try again")

    def recover(self, table: str) -> bool:
        """After reading the table failed: whether asking again can help.

        So it is if a file was superseded and removed meanwhile, or one is damaged and is left
        out from now on.
        """
        given, _ = self._given[table]
        if not set(given) <= set(self._snapshots.take().files[table]):
            return True
        wrong = {path: unreadable(self._open[table, path], table) for path in given}
        found = {f"{table}/{path}": why for path, why in wrong.items() if why}
        self._snapshots.damaged.update(found)
        return bool(found)

    def _open_all(self, found: Visible, tables: Iterable[str]) -> bool:
        """Open what is not open yet; false if the snapshot has to be taken again."""
        listed = {(table, path) for table in tables for path in found.files[table]}
        new = sorted(listed - self._open.keys())
        good = True
        for (table, path), (fragment, wrong) in zip(new, self._read_footers(new), strict=True):
            if not wrong:
                self._open[table, path] = fragment
                continue
            good = False
            if self._storage.exists(f"{table}/{path}"):
                self._snapshots.damaged[f"{table}/{path}"] = wrong
        return good

    def _read_footers(
        self, paths: list[tuple[str, str]]
    ) -> Iterator[tuple[ds.ParquetFileFragment, str]]:
        def read(some: list[tuple[str, str]]) -> list[tuple[ds.ParquetFileFragment, str]]:
            return [open_file(self._storage, *each) for each in some]

        # A share each: handing over single files costs more than opening them.
        share = -(-len(paths) // _OPENERS) or 1
        shares = [paths[start : start + share] for start in range(0, len(paths), share)]
        with ThreadPoolExecutor(_OPENERS) as pool:
            yield from chain.from_iterable(pool.map(read, shares))

    def _given_of(self, found: Visible, tables: Iterable[str]) -> dict[str, ds.Dataset]:
        self.left_out = found.left_out
        for table in tables:
            paths = found.files[table]
            before, _ = self._given.get(table, ([], None))
            if before != paths or table not in self._given:
                for gone in set(before) - set(paths):
                    self._open.pop((table, gone), None)
                self._given[table] = (paths, self._dataset(table, paths))
        return {table: self._given[table][1] for table in tables}

    def _dataset(self, table: str, paths: Iterable[str]) -> ds.Dataset:
        # Columns by name: what an older file lacks is null.
        return ds.FileSystemDataset(
            [self._open[table, path] for path in paths],
            schema_of_table(table),
            READING,
            self._storage.filesystem,
        )
