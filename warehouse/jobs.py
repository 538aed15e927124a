"""What a compaction takes together: a pure function of what is there."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from warehouse import rows
from warehouse.layout import PARENTS, SUFFIX, commit_key, is_addition, stem_of, superseded_by
from warehouse.manifest import Manifest
from warehouse.snapshot import TABLES, State

GENERATIONS = 8
"""Of a day that is not over; when there are more they become one."""
TELEMETRY = "telemetry"


@dataclass(frozen=True, slots=True)
class Thinning:
    """Which telemetry is kept."""

    before: str
    """Days before this one are thinned, `date=YYYY-MM-DD`."""
    interval_s: float
    """Least time between two kept samples of a device, s."""


@dataclass(frozen=True, slots=True)
class Job:
    """A generation to be written."""

    date: str
    """`date=YYYY-MM-DD`"""
    small: Mapping[str, tuple[str, ...]]
    """Table -> small files that it takes in."""
    covers: Mapping[str, frozenset[str]]
    """Committing table -> stems of those, and of what they supersede."""
    merged: tuple[Manifest, ...]
    """Earlier generations that it takes in."""
    thin: bool = False
    """Whether telemetry is thinned."""

    def sources(self, table: str) -> list[str]:
        """The files of the table that become one."""
        large = (each.file for each in self.merged if each.rows.get(table))
        return [*self.small.get(table, ()), *large]

    @property
    def worthwhile(self) -> bool:
        """Whether a table gets fewer files, or fewer rows."""
        return self.thin or any(len(self.sources(table)) > 1 for table in TABLES)


def make_job(
    date: str,
    state: State,
    *,
    whole: bool = True,
    thinning: Thinning | None = None,
    broken: Collection[str] = (),
) -> Job:
    """A generation of every finished group of the day.

    Args:
        date: `date=YYYY-MM-DD`.
        state: of the warehouse, with all manifests.
        whole: into one generation; else earlier ones stay, as long as they are few.
        thinning: of telemetry; null: none.
        broken: files that cannot be merged, as `table/date=YYYY-MM-DD/name`; their whole groups
            and generations stay as they are.
    """
    small: dict[str, tuple[str, ...]] = {}
    covers: dict[str, frozenset[str]] = {}
    left = {_group(path) for path in broken}
    earlier = [each for each in state.manifests if each.date == date]
    sound = [m for m in earlier if not any(f"{table}/{m.file}" in broken for table in m.rows)]
    merged = tuple(sound) if whole or len(earlier) >= GENERATIONS else ()
    for parent in (table for table in TABLES if table not in PARENTS):
        groups = {
            commit_key(parent, path): path
            for path in state.found.small(parent)
            if path.startswith(f"{date}/") and not superseded_by(path)
        }
        groups = {key: path for key, path in groups.items() if (parent, key) not in left}
        small[parent] = tuple(groups.values())
        for table in (each for each in TABLES if PARENTS.get(each) == parent):
            paths = state.found.small(table)
            known = groups.keys() | _covered(parent, merged) - {key for _, key in left}
            small[table] = tuple(path for path in paths if commit_key(table, path) in known)
            if parent == rows.Sweep.TABLE:
                added = (path for path in small[table] if is_addition(table, path))
                covers[table] = frozenset(map(stem_of, added))
        ended = set(groups.values())
        starts = (path for path in state.listing.files[parent] if superseded_by(path) in ended)
        covers[parent] = frozenset(map(stem_of, (*ended, *starts)))
    job = Job(date, small, covers, merged)
    return Job(date, small, covers, merged, thin=_to_thin(job, thinning))


def _covered(parent: str, manifests: Iterable[Manifest]) -> set[str | None]:
    """Commit keys of the groups that these hold."""
    return {
        commit_key(parent, f"{each.date}/{stem}{SUFFIX}")
        for each in manifests
        for stem in each.covers.get(parent, ())
    }


def _group(path: str) -> tuple[str, str | None]:
    """Committing table and commit key of a file `table/date=YYYY-MM-DD/name`."""
    table, _, name = path.partition("/")
    return PARENTS.get(table, table), commit_key(table, name)


def _to_thin(job: Job, thinning: Thinning | None) -> bool:
    """Whether the day has telemetry that is closer together than it is to be."""
    if thinning is None or job.date >= thinning.before:
        return False
    dense = any(
        each.rows.get(TELEMETRY) and (each.telemetry_interval_s or 0) < thinning.interval_s
        for each in job.merged
    )
    return dense or bool(job.small.get(TELEMETRY))
