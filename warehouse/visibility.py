"""Which files of a warehouse count: a pure function of their names, and of manifests."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from warehouse.layout import PARENTS, SUFFIX, commit_key, is_addition, superseded_by
from warehouse.manifest import Manifest, by_name, generation_of

Files = Mapping[str, Iterable[str]]
"""Table -> files as `date=YYYY-MM-DD/name`."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file that would count, if it were what it should be."""

    path: str
    """`table/date=YYYY-MM-DD/name`"""
    why: str


@dataclass(frozen=True, slots=True)
class Visible:
    """The files in which each committed row lies exactly once."""

    files: Mapping[str, list[str]]
    """Table -> files as `date=YYYY-MM-DD/name`, sorted; small and compacted ones."""
    left_out: tuple[LeftOut, ...] = ()
    """What a person should look at."""

    def small(self, table: str) -> list[str]:
        """Those of the table that are not compacted."""
        return [path for path in self.files.get(table, ()) if not generation_of(path)]

    def unfinished_launches(self) -> list[str]:
        """Files of launches that got ready and whose end was never written."""
        return [path for path in self.small("launches") if superseded_by(path)]


def manifests_to_read(manifests: Iterable[str], files: Files) -> list[str]:
    """The manifests whose names do not tell all: of days with several, or with small files.

    Args:
        manifests: their files, as `date=YYYY-MM-DD/generation.json`.
        files: at least the committing tables'.
    """
    found = sorted(manifests)
    by_date: dict[str, list[str]] = defaultdict(list)
    for path in found:
        by_date[by_name(path).date].append(path)
    mixed = {
        path.partition("/")[0]
        for table, paths in files.items()
        for path in paths
        if not generation_of(path) and (table not in PARENTS or is_addition(table, path))
    }
    return [p for p in found if len(by_date[by_name(p).date]) > 1 or by_name(p).date in mixed]


@dataclass(slots=True)
class _Judge:
    """What is known while the tables are gone through, parents first."""

    manifests: Sequence[Manifest]
    damaged: Mapping[str, str]
    kept: dict[str, list[str]] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)

    def judge(self, table: str, paths: Iterable[str]) -> None:
        found = sorted(paths)
        parent = PARENTS.get(table)
        valid = {each.file for each in self.manifests}
        large = [path for path in found if generation_of(path) and path in valid]
        small = [path for path in found if not generation_of(path)]
        if parent is None:
            small = self._committing(table, self._sound(table, small))
        else:
            commits = {commit_key(parent, path) for path in self.kept.get(parent, ())}
            small = [path for path in small if self._is_committed(table, path, commits)]
            small = self._sound(table, small)
            # Without its parent's file a generation commits no child.
            large = [path for path in large if path in self.kept.get(parent, ())]
        self.kept[table] = sorted(small + self._sound(table, large))
        self._miss(table, found)

    def _is_committed(self, table: str, path: str, commits: Collection[str | None]) -> bool:
        """By its parent's file; what a sweep got later also by one that is compacted."""
        key = commit_key(table, path)
        if not is_addition(table, path):
            return key in commits
        known = key in commits or self._covered(PARENTS[table])(f"{key}{SUFFIX}")
        return known and not self._covered(table)(path)

    def _sound(self, table: str, paths: list[str]) -> list[str]:
        bad = {path for path in paths if f"{table}/{path}" in self.damaged}
        self._leave_out(table, {path: self.damaged[f"{table}/{path}"] for path in bad})
        return [path for path in paths if path not in bad]

    def _committing(self, table: str, paths: list[str]) -> list[str]:
        covered = self._covered(table)
        attempts = {key for each in self.manifests for key in each.attempts if table == "cells"}
        present = set(paths)
        kept = []
        for path in paths:
            key = commit_key(table, path)
            whole = superseded_by(path)
            attempt = (key or "").rpartition("/")[2]
            if covered(path) or (whole and (whole in present or covered(whole))):
                continue
            if key is None:
                self._leave_out(table, {path: "no file of herd"})
            elif table == "cells" and attempt in attempts:
                self._leave_out(table, {path: f"attempt {attempt} is there already"})
            else:
                attempts.add(attempt)
                kept.append(path)
        return kept

    def _covered(self, table: str) -> Callable[[str], bool]:
        covering: dict[str, list[frozenset[str]]] = defaultdict(list)
        for each in self.manifests:
            covering[each.date].append(each.covers.get(table, frozenset()))

        def covered(path: str) -> bool:
            date, _, name = path.rpartition("/")
            stem = name.removesuffix(SUFFIX)
            return any(stem in stems for stems in covering.get(date, ()))

        return covered

    def _miss(self, table: str, found: list[str]) -> None:
        present = set(found)
        wanted = [each.file for each in self.manifests if each.rows.get(table)]
        self._leave_out(table, {path: "it is missing" for path in wanted if path not in present})

    def _leave_out(self, table: str, why: Mapping[str, str]) -> None:
        self.left_out += [LeftOut(f"{table}/{path}", each) for path, each in sorted(why.items())]


def visible(
    files: Files,
    manifests: Sequence[Manifest] = (),
    damaged: Mapping[str, str] | None = None,
) -> Visible:
    """The committed files of each table.

    Args:
        files: listed in this order: manifests, parents, children; so that whatever is committed
            by what is listed is listed too.
        manifests: those that count (`manifest.active`).
        damaged: files that cannot be read, as `table/date=YYYY-MM-DD/name` -> why. What they
            would commit is not committed.

    Returns:
        Compacted files with a manifest, and small ones that no manifest covers, without
        uncommitted children, superseded launches, and second files of one attempt.
    """
    judge = _Judge(manifests, damaged or {})
    for table in sorted(files, key=lambda each: each in PARENTS):
        judge.judge(table, files[table])
    return Visible(judge.kept, tuple(judge.left_out))
