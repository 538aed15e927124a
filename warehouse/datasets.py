"""The tables of a warehouse as Arrow data sets over the files that count and can be read."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain

import pyarrow as pa
import pyarrow.dataset as ds

from warehouse.damage import OPENERS, READING, open_file, unreadable
from warehouse.errors import WarehouseError
from warehouse.figures import TRIALS
from warehouse.kept import Figures, Parts, figures_name, rest_name
from warehouse.layout import PARENTS
from warehouse.loading import Loaded, load_files, shares
from warehouse.schemas import readable_schema, schema_of_table
from warehouse.snapshot import Snapshots
from warehouse.storage import Storage
from warehouse.views import View
from warehouse.visibility import LeftOut, Visible

_Wanted = Mapping[str, Sequence[str]]
"""Table -> files of it that are read, as `date=YYYY-MM-DD/name`."""

_TRIES = 10
"""Snapshots before giving up, each taken because files of the last one were gone."""

_Source = str | View
"""A table, or the view whose figures are meant."""


@dataclass(frozen=True, slots=True)
class _Given:
    source: _Source
    paths: Sequence[str]
    rows: ds.Dataset


def _wanted(
    found: Visible, tables: Iterable[str], parts: Collection[tuple[View, Parts]]
) -> dict[str, Sequence[str]]:
    rest = sorted({path for _, part in parts for path in part.rest})
    wanted: dict[str, Sequence[str]] = {TRIALS: rest} if parts else {}
    return wanted | {table: found.files[table] for table in tables}


class Datasets:
    """Data sets of one warehouse; a small file is read once, and of a large one its footer."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._snapshots = Snapshots(storage)
        self._figures = Figures(storage)
        self._given: dict[str, _Given] = {}
        self._open: dict[tuple[str, str], ds.ParquetFileFragment] = {}
        self._loaded: dict[str, Loaded] = {}
        self.left_out: tuple[LeftOut, ...] = ()
        """What the last snapshot leaves out and a person should look at."""

    def empty(self, table: str) -> ds.Dataset:
        """The table without rows."""
        return self._table_dataset(table, ())

    def empty_figures(self, view: View, schema: pa.Schema) -> ds.Dataset:
        """The figures of a kept view, which has these columns, without rows."""
        self._figures.know(view, schema)
        return self._figures.dataset(view, ())

    def refresh(
        self, tables: Collection[str], kept: Collection[View] = ()
    ) -> dict[str, ds.Dataset]:
        """These tables, and of each kept view its two parts; all of one snapshot, taken now.

        Raises:
            WarehouseError: the storage cannot be read, or files go faster than they are read.
        """
        for _ in range(_TRIES):
            found = self._snapshots.take()
            listed = self._snapshots.figures() if kept else ()
            parts = [(view, self._figures.part(view, found, listed)) for view in kept]
            if self._read_all(found, _wanted(found, tables, parts)):
                return self._given_of(found, tables, parts)
        raise WarehouseError(f"files go from {self._storage.name()} while it is read: try again")

    def recover(self, name: str) -> bool:
        """After reading one of them failed: whether asking again can help.

        So it is if a file was superseded and removed meanwhile, or one is damaged and is left
        out from now on.
        """
        given = self._given[name]
        if isinstance(given.source, View):
            return self._figures.drop_unreadable(given.source, given.paths)
        table = given.source
        if not set(given.paths) <= set(self._snapshots.take().files[table]):
            return True
        schema = schema_of_table(table)
        scanned = [path for path in given.paths if (table, path) in self._open]
        wrong = {path: unreadable(self._open[table, path], schema) for path in scanned}
        found = {f"{table}/{path}": why for path, why in wrong.items() if why}
        self._snapshots.damaged.update(found)
        return bool(found)

    def _read_all(self, found: Visible, wanted: _Wanted) -> bool:
        """Read what is not known yet; false if the snapshot has to be taken again."""
        wrong: dict[str, str] = {}
        for table, paths in wanted.items():
            wrong |= self._load(table, paths)
        # Their parents too: a damaged one commits nothing.
        parents = {PARENTS[table] for table in wanted if table in PARENTS}
        more = {parent: found.files[parent] for parent in parents}
        wrong |= self._open_rest({**more, **wanted}, wrong)
        for path, why in wrong.items():
            if self._storage.exists(path):
                self._snapshots.damaged[path] = why
        return not wrong

    def _load(self, table: str, listed: Iterable[str]) -> dict[str, str]:
        """Keep the small files of the table; returns what is wrong with which."""
        paths = set(listed)
        loaded = self._loaded.get(table)
        if loaded is None or not loaded.paths <= paths:
            loaded = self._loaded[table] = Loaded(readable_schema(table).empty_table())
        new = sorted(paths - loaded.paths - loaded.too_large)
        opened = {} if loaded.full else dict(load_files(self._storage, table, new))
        loaded.add(opened)
        return {f"{table}/{path}": each.wrong for path, each in opened.items() if each.wrong}

    def _open_rest(self, wanted: _Wanted, wrong: Collection[str]) -> dict[str, str]:
        """Read the footers of all other files; returns what is wrong with which."""
        listed = {
            (table, path)
            for table, paths in wanted.items()
            for path in paths
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

        with ThreadPoolExecutor(OPENERS) as pool:
            yield from chain.from_iterable(pool.map(read, shares(paths, OPENERS)))

    def _given_of(
        self, found: Visible, tables: Iterable[str], parts: Iterable[tuple[View, Parts]]
    ) -> dict[str, ds.Dataset]:
        self.left_out = found.left_out
        there = {(table, path) for table, paths in found.files.items() for path in paths}
        self._open = {key: each for key, each in self._open.items() if key in there}
        sources: dict[str, tuple[_Source, Sequence[str]]]
        sources = {table: (table, found.files[table]) for table in tables}
        for view, part in parts:
            sources[figures_name(view)] = (view, part.figures)
            sources[rest_name(view)] = (TRIALS, part.rest)
        for name, (source, paths) in sources.items():
            before = self._given.get(name)
            if before is None or before.paths != paths:
                self._given[name] = _Given(source, paths, self._dataset(source, paths))
        return {name: self._given[name].rows for name in sources}

    def _dataset(self, source: _Source, paths: Iterable[str]) -> ds.Dataset:
        if isinstance(source, View):
            return self._figures.dataset(source, paths)
        return self._table_dataset(source, paths)

    def _table_dataset(self, table: str, paths: Iterable[str]) -> ds.Dataset:
        # Columns by name: what an older file lacks is null.
        schema = readable_schema(table)
        rest = [path for path in paths if not self._is_loaded(table, path)]
        fragments: list[ds.Fragment] = [self._open[table, path] for path in rest]
        scanned = ds.FileSystemDataset(fragments, schema, READING, self._storage.filesystem)
        loaded = self._loaded.get(table)
        if loaded is None or not loaded.paths:
            return scanned
        return ds.dataset([scanned, ds.dataset(loaded.rows)])
