"""What the site answers: its pages, its forms, and its failures."""

import threading
from dataclasses import dataclass, field
from enum import Enum
from http import HTTPStatus
from urllib.parse import parse_qs, parse_qsl, quote, urlsplit

from workers.agent.world.facts import SEARCH_PATH, Facts, Form, confirmation_code
from workers.agent.world.pages import Page, pages
from workers.agent.world.pages.forms import confirmation, form_page, wrong_with
from workers.agent.world.pages.markup import paragraphs
from workers.agent.world.pages.search import results_page
from workers.agent.world.state import FormPost

FIELDS_MAX = 20


class Manner(Enum):
    """How an answer is sent."""

    WHOLE = "whole"
    NEVER = "never"
    BROKEN_OFF = "broken off"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer; `location` of a redirect."""

    status: int
    html: str = ""
    location: str | None = None
    manner: Manner = Manner.WHOLE


@dataclass(slots=True)
class Site:
    """The site of one run: it remembers forms, and that the flaky page has failed once."""

    facts: Facts
    forms: list[FormPost] = field(default_factory=list)
    _pages: dict[str, Page] = field(init=False)
    _codes: set[str] = field(default_factory=set)
    _has_failed: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._pages = dict(pages(self.facts))

    def answer(self, method: str, target: str, body: str) -> Answer:
        """Answer a request.

        Args:
            method: GET or POST.
            target: path and query.
            body: of a form, urlencoded.
        """
        parts = urlsplit(target)
        path = parts.path.rstrip("/") or "/"
        forms = {form.path: form for form in (self.facts.register, self.facts.newsletter)}
        if method == "POST":
            return self._post(forms[path], body) if path in forms else _error(405)
        for form in forms.values():
            if path == form.confirmed_path:
                return self._confirmed(form, parts.query)
        if path == SEARCH_PATH:
            query = parse_qs(parts.query, max_num_fields=FIELDS_MAX).get("q", [""])[0]
            return _page(results_page(self._pages.values(), query[:200]))
        return self._trouble(path) or (
            _page(self._pages[path]) if path in self._pages else _error(404)
        )

    def _trouble(self, path: str) -> Answer | None:
        trouble = self.facts.trouble
        if path == trouble.broken:
            return _error(500)
        if path == trouble.slow:
            return Answer(200, manner=Manner.NEVER)
        if path == trouble.truncated:
            return Answer(200, self._pages[path].html, manner=Manner.BROKEN_OFF)
        if path in (trouble.loop, f"{trouble.loop}/next"):
            return Answer(302, location=trouble.loop if path != trouble.loop else f"{path}/next")
        if path == trouble.flaky:
            with self._lock:
                first, self._has_failed = not self._has_failed, True
            return _error(503) if first else None
        return None

    def _post(self, form: Form, body: str) -> Answer:
        try:
            pairs = parse_qsl(body, keep_blank_values=True, max_num_fields=FIELDS_MAX)
        except ValueError:
            return _error(400)
        fields = {name: value.strip() for name, value in pairs}
        wrong = wrong_with(form, fields)
        code = confirmation_code(self.facts.seed, form, fields)
        with self._lock:
            self.forms.append(FormPost(form.path, fields, not wrong))
            if not wrong:
                self._codes.add(code)
        if wrong:
            return Answer(422, form_page(form, wrong).html)
        return Answer(303, location=f"{form.confirmed_path}?code={quote(code)}")

    def _confirmed(self, form: Form, query: str) -> Answer:
        code = parse_qs(query, max_num_fields=FIELDS_MAX).get("code", [""])[0]
        return _page(confirmation(form, code)) if code in self._codes else _error(404)


def _page(page: Page) -> Answer:
    return Answer(200, page.html)


def _error(status: int) -> Answer:
    known = HTTPStatus(status)
    page = Page("", f"{status} {known.phrase}", paragraphs([f"{known.description}."]))
    return Answer(status, page.html)
