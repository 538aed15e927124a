"""What could come next in a statement: a pure function of its text and of the names there are."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from warehouse.statements import split_statements
from warehouse.views import ViewInfo

_WORD = re.compile(r"[\w.]*\Z")
_WANTS_TABLE = re.compile(r"\b(from|join|table|describe|summarize)\s+\Z", re.IGNORECASE)
_SOURCE = re.compile(r"\b(?:from|join)\s+(\w+)(?:\s+(?:as\s+)?(\w+))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Names:
    """The names that may stand in a statement."""

    tables: Mapping[str, ViewInfo]
    functions: tuple[str, ...]
    keywords: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A word that could stand where the cursor is."""

    text: str
    typed: int
    """Characters before the cursor that it replaces."""
    meaning: str
    """Unit and meaning of a column, kind of anything else."""


def candidates(before: str, after: str, names: Names) -> Iterator[Candidate]:
    """The words that go on from the text before the cursor, the likeliest first."""
    statement = split_statements(before)[1] or before
    word = _last_word(before)
    if statement.lstrip().startswith("\\"):
        found = _tables(names) if " " in statement.lstrip() else {}
    elif "." in word:
        alias, _, word = word.rpartition(".")
        found = _columns(_sources(statement + after, names).get(alias.lower(), ()))
    elif _WANTS_TABLE.search(before[: len(before) - len(word)]):
        found = _tables(names)
    else:
        found = _anything(_sources(statement + after, names), names)
    for text, meaning in found.items():
        if text.lower().startswith(word.lower()) and text != word:
            shown = text.upper() if meaning == "keyword" and word.isupper() else text
            yield Candidate(shown, len(word), meaning)


def _last_word(text: str) -> str:
    found = _WORD.search(text)
    return found.group() if found else ""


def _sources(statement: str, names: Names) -> dict[str, tuple[ViewInfo, ...]]:
    """Tables and views that a statement reads, by name and by alias."""
    found: dict[str, tuple[ViewInfo, ...]] = {}
    for name, alias in _SOURCE.findall(statement):
        if name.lower() in names.tables:
            found[name.lower()] = (names.tables[name.lower()],)
            if alias and alias.lower() not in names.keywords:
                found[alias.lower()] = found[name.lower()]
    return found


def _columns(views: tuple[ViewInfo, ...]) -> dict[str, str]:
    return {
        column.name: f"[{column.unit}] {column.meaning}" if column.unit else column.meaning
        for view in views
        for column in view.columns
    }


def _tables(names: Names) -> dict[str, str]:
    return {name: f"{view.kind}: {view.meaning}" for name, view in names.tables.items()}


def _anything(sources: dict[str, tuple[ViewInfo, ...]], names: Names) -> dict[str, str]:
    """Columns of what is read (of all, where nothing is yet), then every other name."""
    read = tuple(view for views in sources.values() for view in views)
    found = _columns(read or tuple(names.tables.values()))
    for group, meaning in ((names.keywords, "keyword"), (names.functions, "function")):
        found |= {name: meaning for name in group if name not in found}
    return found | {k: v for k, v in _tables(names).items() if k not in found}
