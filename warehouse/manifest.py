"""Generations: many small files of a day in one file a table, valid together by a manifest.

A compactor writes `<table>/date=D/<generation>.compacted.parquet` for each table, reads back
whether they hold what they should, then writes `manifests/date=D/<generation>.json`: by that one
file the generation counts, and what it covers counts no more. Pure functions.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from warehouse.errors import WarehouseError

MANIFESTS = "manifests"
MANIFEST_SUFFIX = ".json"
COMPACTED = ".compacted.parquet"
"""End of a compacted file's name; no small file's name ends so."""


@dataclass(frozen=True)
class Manifest:
    """What a generation holds, and what it stands for."""

    date: str
    """`date=YYYY-MM-DD`"""
    generation: str
    replaces: frozenset[str] = frozenset()
    """Earlier generations of the day that count no more."""
    covers: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Committing table -> stems of its small files that count no more, nor do their children;
    child table of `sweeps` -> stems of what its plans got later, as far as it is in here."""
    rows: Mapping[str, int] = field(default_factory=dict)
    """Table -> rows in its compacted file; a table without rows has no file."""
    written_at: datetime | None = None
    """By the compactor's clock, UTC."""
    telemetry_interval_s: float | None = None
    """Least time between the kept samples of a device, s; null: all are kept."""

    @property
    def path(self) -> str:
        """Its file, relative to the root."""
        return f"{MANIFESTS}/{self.date}/{self.generation}{MANIFEST_SUFFIX}"

    @property
    def file(self) -> str:
        """The compacted file of each of its tables, as `date=YYYY-MM-DD/name`."""
        return f"{self.date}/{self.generation}{COMPACTED}"

    @cached_property
    def attempts(self) -> frozenset[str]:
        """The attempts that it covers, as `cell_id.attempt`."""
        return frozenset(".".join(stem.split(".", 2)[:2]) for stem in self.covers.get("cells", ()))


def next_generation(existing: Iterable[str], token: str) -> str:
    """A name after those of the day, whatever the clock says; the token makes it unique.

    What a killed compactor left is never written again under its name.
    """
    numbers = [int(each.partition("-")[0]) for each in existing]
    return f"{max(numbers, default=0) + 1:06d}-{token}"


def generation_of(path: str) -> str | None:
    """The generation of a compacted file by its name, None for a small file."""
    name = path.rpartition("/")[2]
    stem = name.removesuffix(COMPACTED)
    number, _, token = stem.partition("-")
    return stem if stem != name and number.isdecimal() and token else None


def by_name(path: str) -> Manifest:
    """As far as the name of its file tells, `date=YYYY-MM-DD/generation.json`."""
    date, _, name = path.rpartition("/")
    return Manifest(date, name.removesuffix(MANIFEST_SUFFIX))


def to_json(manifest: Manifest) -> bytes:
    """The text of its file."""
    content = {
        "date": manifest.date,
        "generation": manifest.generation,
        "replaces": sorted(manifest.replaces),
        "covers": {table: sorted(stems) for table, stems in manifest.covers.items()},
        "rows": dict(manifest.rows),
        "written_at": manifest.written_at.isoformat() if manifest.written_at else None,
        "telemetry_interval_s": manifest.telemetry_interval_s,
    }
    return json.dumps(content).encode()


def from_json(path: str, text: bytes) -> Manifest:
    """The manifest in the text of the file `date=YYYY-MM-DD/generation.json`.

    Raises:
        WarehouseError: it is none.
    """
    named = by_name(path)
    try:
        raw = json.loads(text)
        manifest = Manifest(
            date=str(raw["date"]),
            generation=str(raw["generation"]),
            replaces=frozenset(raw["replaces"]),
            covers={str(table): frozenset(stems) for table, stems in raw["covers"].items()},
            rows={str(table): int(count) for table, count in raw["rows"].items()},
            written_at=datetime.fromisoformat(raw["written_at"]),
            telemetry_interval_s=raw["telemetry_interval_s"],
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WarehouseError(f"no manifest of herd ({error})") from error
    if (manifest.date, manifest.generation) != (named.date, named.generation):
        raise WarehouseError("the manifest of another generation")
    return manifest


def active(manifests: Iterable[Manifest]) -> list[Manifest]:
    """Those that count: not replaced by a later one of their day; oldest first."""
    known = list(manifests)
    replaced = {(each.date, old) for each in known for old in each.replaces}
    kept = [each for each in known if (each.date, each.generation) not in replaced]
    return sorted(kept, key=lambda each: (each.date, each.generation))
