"""Views in two parts: figures that a compaction computed, and the trials that have none yet."""

from collections.abc import Iterable, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import pyarrow as pa
import pyarrow.dataset as ds

from warehouse.damage import OPENERS, READING, open_checked, unreadable
from warehouse.figures import TRIALS, figures_file
from warehouse.manifest import generation_of
from warehouse.snapshot import FIGURES
from warehouse.storage import Storage
from warehouse.views import View
from warehouse.visibility import Visible


def figures_name(view: View) -> str:
    """What the figures of the view are called in the SQL that reads them."""
    return f"figures_of_{view.name}"


def rest_name(view: View) -> str:
    """What the trials without figures are called there."""
    return f"trials_for_{view.name}"


def of_rest(view: View) -> str:
    """The SELECT over the trials without figures."""
    trials = f"WITH {TRIALS} AS (SELECT * FROM {rest_name(view)})"  # noqa: S608 - our names
    return f"SELECT * FROM ({trials} SELECT * FROM ({view.sql}))"  # noqa: S608


@dataclass(frozen=True, slots=True)
class Parts:
    """Where the rows of a view come from, in one snapshot."""

    figures: tuple[str, ...]
    """As `date=YYYY-MM-DD/name`."""
    rest: tuple[str, ...]
    """Files of trials."""


def _wrong(schema: pa.Schema, found: pa.Schema) -> str:
    return "" if found.equals(schema) else "other columns"


class Figures:
    """The figures of one warehouse: footers are read once."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._schemas: dict[str, pa.Schema] = {}
        self._open: dict[str, ds.ParquetFileFragment] = {}
        self._unusable: set[str] = set()

    def know(self, view: View, schema: pa.Schema) -> None:
        """Be told the view's columns, before it is asked for."""
        self._schemas[view.name] = schema

    def part(self, view: View, found: Visible, listed: Iterable[str]) -> Parts:
        """Figures where there are some that can be read; trials that do not count have none.

        Args:
            view: that is kept.
            found: the files that count.
            listed: files of figures.
        """
        there = set(listed)
        generations = (path for path in found.files[TRIALS] if generation_of(path))
        known = {path: figures_file(view, path) for path in generations}
        self._read_footers(view, there.intersection(known.values()))
        used = {path: each for path, each in known.items() if each in there & self._open.keys()}
        rest = (path for path in found.files[TRIALS] if path not in used)
        return Parts(tuple(used.values()), tuple(rest))

    def dataset(self, view: View, paths: Iterable[str]) -> ds.Dataset:
        """The rows of these files."""
        fragments: list[ds.Fragment] = [self._open[path] for path in paths]
        filesystem = self._storage.filesystem
        schema = self._schemas[view.name]
        return ds.FileSystemDataset(fragments, schema, READING, filesystem)

    def drop_unreadable(self, view: View, paths: Iterable[str]) -> bool:
        """Use none of these again whose rows cannot be read; whether there are such."""
        schema = self._schemas[view.name]
        bad = {path for path in paths if unreadable(self._open[path], schema)}
        self._unusable |= bad
        for path in bad:
            del self._open[path]
        return bool(bad)

    def _read_footers(self, view: View, paths: Set[str]) -> None:
        new = sorted(paths - self._open.keys() - self._unusable)
        if not new:
            return
        schema = self._schemas[view.name]

        def read(path: str) -> tuple[ds.ParquetFileFragment, str]:
            return open_checked(self._storage, f"{FIGURES}/{path}", partial(_wrong, schema))

        with ThreadPoolExecutor(OPENERS) as pool:
            for path, (fragment, why) in zip(new, pool.map(read, new), strict=True):
                if why:
                    self._unusable.add(path)
                else:
                    self._open[path] = fragment
