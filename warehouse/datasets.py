"""The tables of a warehouse as Arrow data sets over the files that count and can be read."""

from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

import pyarrow.dataset as ds

from warehouse.damage import READING, open_file, unreadable
from warehouse.errors import WarehouseError
from warehouse.layout import PARENTS
from warehouse.loading import Loaded, load_files, shares
from warehouse.manifest import generation_of
from warehouse.schemas import readable_schema
from warehouse.snapshot import Snapshots
from warehouse.storage import Storage
from warehouse.visibility import LeftOut, Visible

_OPENERS = 4
"""Threads that read footers."""
_TRIES = 10
"""Snapshots before giving up, each taken because files of the last one were gone."""


class Datasets:
    """Data sets of one warehouse; a small file is read once, and of a large one its footer."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._snapshots = Snapshots(storage)
        self._given: dict[str, tuple[list[str], ds.Dataset]] = {}
        self._open: dict[tuple[str, str], ds.ParquetFileFragment] = {}
        self._loaded: dict[str, Loaded] = {}
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
        for _ in range(_TRIES):
            found = self._snapshots.take()
            if self._read_all(found, tables):
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
        scanned = [path for path in given if (table, path) in self._open]
        wrong = {path: unreadable(self._open[table, path], table) for path in scanned}
        found = {f"{table}/{path}": why for path, why in wrong.items() if why}
        self._snapshots.damaged.update(found)
        return bool(found)

    def _read_all(self, found: Visible, tables: Collection[str]) -> bool:
        """Read what is not known yet; false if the snapshot has to be taken again."""
        wrong: dict[str, str] = {}
        for table in tables:
            wrong |= self._load(table, found.files[table])
        # Their parents too: a damaged one commits nothing.
        parents = {PARENTS[table] for table in tables if table in PARENTS}
        wrong |= self._open_rest(found, {*tables, *parents}, wrong)
        for path, why in wrong.items():
            if self._storage.exists(path):
                self._snapshots.damaged[path] = why
        return not wrong

    def _load(self, table: str, listed: Iterable[str]) -> dict[str, str]:
        """Keep the small files of the table; returns what is wrong with which."""
        small = {path for path in listed if not generation_of(path)}
        loaded = self._loaded.get(table)
        if loaded is None or not loaded.paths <= small:
            loaded = self._loaded[table] = Loaded(readable_schema(table).empty_table())
        new = sorted(small - loaded.paths - loaded.too_large)
        opened = {} if loaded.full else dict(load_files(self._storage, table, new))
        loaded.add(opened)
        return {f"{table}/{path}": each.wrong for path, each in opened.items() if each.wrong}

    def _open_rest(
        self, found: Visible, tables: Iterable[str], wrong: Collection[str]
    ) -> dict[str, str]:
        """Read the footers of all other files; returns what is wrong with which."""
        listed = {
            (table, path)
            for table in tables
            for path in found.files[table]
            if not self._is_loaded(table, path) and f"{table}/{path}" not in wrong
        }
        new = sorted(listed - self._open.keys())
        bad = {}
        for (table, path), (fragment, why) in zip(new, self._read_footers(new), strict=True):
            if why:
                bad[f"{table}/{path}"] = why
            else:
                self._open[table, path] = fragment
        return bad

    def _is_loaded(self, table: str, path: str) -> bool:
        return table in self._loaded and path in self._loaded[table].paths

    def _read_footers(
        self, paths: list[tuple[str, str]]
    ) -> Iterator[tuple[ds.ParquetFileFragment, str]]:
        def read(some: list[tuple[str, str]]) -> list[tuple[ds.ParquetFileFragment, str]]:
            return [open_file(self._storage, *each) for each in some]

        with ThreadPoolExecutor(_OPENERS) as pool:
            yield from chain.from_iterable(pool.map(read, shares(paths, _OPENERS)))

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
        schema = readable_schema(table)
        rest = [path for path in paths if not self._is_loaded(table, path)]
        fragments: list[ds.Fragment] = [self._open[table, path] for path in rest]
        scanned = ds.FileSystemDataset(fragments, schema, READING, self._storage.filesystem)
        loaded = self._loaded.get(table)
        if loaded is None or not loaded.paths:
            return scanned
        return ds.dataset([scanned, ds.dataset(loaded.rows)])
