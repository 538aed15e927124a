"""The text of an HTML page, as a reader of it would note it down: pure."""

import re
from html.parser import HTMLParser

_BLOCKS = frozenset(
    {"p", "h1", "h2", "h3", "h4", "li", "tr", "br", "div", "ul", "ol", "table", "form", "nav"}
    | {"main", "section", "article", "header", "footer", "blockquote", "pre"}
)
_HIDDEN = frozenset({"script", "style", "head", "template", "noscript", "option", "title"})


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._hidden = 0
        self._target: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in _HIDDEN
        if tag in _BLOCKS:
            self.parts.append("\n" + {"h1": "# ", "h2": "## ", "li": "- "}.get(tag, ""))
        elif tag in ("td", "th"):
            self.parts.append(" | ")
        elif tag == "a":
            self._target = dict(attrs).get("href")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in _HIDDEN and self._hidden > 0
        if tag in _BLOCKS:
            self.parts.append("\n")
        elif tag == "a" and self._target:
            self.parts.append(f" ({self._target})")
            self._target = None

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(re.sub(r"\s+", " ", data))


def text_of(html: str) -> str:
    """Headings, paragraphs, list and table lines; the target of a link in parentheses."""
    reader = _Reader()
    reader.feed(html)
    lines = (line.strip().removeprefix("| ") for line in "".join(reader.parts).split("\n"))
    return "\n".join(line for line in lines if line)
