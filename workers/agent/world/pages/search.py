"""The search: pages by the words that they share with a query."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape, unescape

from workers.agent.world.facts import SEARCH_PATH
from workers.agent.world.pages.forms import search_form
from workers.agent.world.pages.markup import Page, items, link

_HITS_MAX = 6
_EXCERPT = 160
_WORD_LEAST = 3


@dataclass(frozen=True, slots=True)
class Hit:
    """A page that was found."""

    path: str
    title: str
    excerpt: str


def search(pages: Iterable[Page], query: str) -> list[Hit]:
    """The best pages first: those with most of the words, then those that name them more often."""
    words = _words(query)
    scored = [(_score(page, words), page) for page in pages if page.searched]
    best = sorted(((score, page) for score, page in scored if score[0]), key=_order)
    return [Hit(page.path, page.title, _excerpt(page, words)) for _, page in best[:_HITS_MAX]]


def _order(scored: tuple[tuple[int, int], Page]) -> tuple[int, int, str]:
    (distinct, often), page = scored
    return (-distinct, -often, page.path)


def _score(page: Page, words: set[str]) -> tuple[int, int]:
    title, body = _words(page.title), _listed(_plain(page.body))
    often = sum(min(3, body.count(word)) for word in words) + 5 * len(title & words)
    return len(words & (title | set(body))), often


def _listed(text: str) -> list[str]:
    """Its words, the plural taken for the singular."""
    return [word.removesuffix("s") for word in re.findall(r"\w+", text.lower())]


def _words(text: str) -> set[str]:
    return {word for word in _listed(text) if len(word) >= _WORD_LEAST}


def _plain(body: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", body)).split())


def _excerpt(page: Page, words: set[str]) -> str:
    text = _plain(page.body)
    found = [match.start() for match in re.finditer(r"\w+", text) if _words(match[0]) & words]
    start = max(0, (found[0] if found else 0) - 40)
    return text[start : start + _EXCERPT]


def results_page(pages: Iterable[Page], query: str) -> Page:
    """The search page, with what was found."""
    hits: Sequence[Hit] = search(pages, query) if query else []
    entries = [f"{link(hit.path, hit.title)}<br>{escape(hit.excerpt)}" for hit in hits]
    none = "<p>Nothing was found.</p>" if query else ""
    return Page(SEARCH_PATH, "Search", search_form(query) + (items(entries) if hits else none))
