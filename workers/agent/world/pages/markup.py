"""HTML of a page."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

_MENU = {
    "en": (
        ("/", "News"),
        ("/weather", "Weather"),
        ("/search", "Search"),
        ("/services", "Services"),
        ("/de", "Deutsch"),
    ),
    "de": (("/de", "Nachrichten"), ("/de/wetter", "Wetter"), ("/", "English")),
}


@dataclass(frozen=True, slots=True)
class Page:
    """A page that stands still."""

    path: str
    title: str
    body: str
    """HTML below its heading."""
    language: str = "en"
    searched: bool = True
    """Whether the search finds it."""

    @property
    def html(self) -> str:
        """All of it."""
        menu = " | ".join(link(path, name) for path, name in _MENU[self.language])
        return (
            f'<!DOCTYPE html>\n<html lang="{self.language}"><head><meta charset="utf-8">'
            f"<title>{escape(self.title)} - Meridian</title></head>\n<body><nav>{menu}</nav>\n"
            f"<main><h1>{escape(self.title)}</h1>\n{self.body}\n</main></body></html>\n"
        )


def link(path: str, name: str) -> str:
    """A link of the site."""
    return f'<a href="{escape(path)}">{escape(name)}</a>'


def paragraphs(texts: Iterable[str]) -> str:
    """Texts; one that begins with `# ` is a heading."""
    return "\n".join(
        f"<h2>{escape(text[2:])}</h2>" if text.startswith("# ") else f"<p>{escape(text)}</p>"
        for text in texts
    )


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; a cell that is HTML already is a `Markup`."""
    lines = ["<tr>" + "".join(f"<th>{escape(name)}</th>" for name in head) + "</tr>"]
    lines += ["<tr>" + "".join(f"<td>{_cell(cell)}</td>" for cell in row) + "</tr>" for row in rows]
    return "<table>\n" + "\n".join(lines) + "\n</table>"


def items(entries: Iterable[str]) -> str:
    """A list of HTML."""
    return "<ul>\n" + "\n".join(f"<li>{entry}</li>" for entry in entries) + "\n</ul>"


class Markup(str):
    """HTML that is not escaped again."""

    __slots__ = ()


def _cell(cell: object) -> str:
    return cell if isinstance(cell, Markup) else escape(str(cell))
