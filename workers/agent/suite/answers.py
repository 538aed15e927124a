"""What an answer says, whatever its form: numbers, words, JSON, language. Pure."""

import json
import re
import unicodedata
from collections.abc import Iterable
from decimal import Decimal

_MARKS = re.compile(r"[*`~|]|^\s*(?:#+|>|[-+•])\s+", re.MULTILINE)
_SPACED_THOUSANDS = re.compile(r"(?<=\d)[\u00a0\u2009\u202f](?=\d{3}(?!\d))")
_NUMBER = re.compile(r"(?:(?<![\w.,-])[-+])?\d[\d.,']*")
_FENCE = re.compile(r"```[\w-]*\n(.*?)```", re.DOTALL)
_ALIKE = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"),
    }
)
_GERMAN = re.compile(
    r"\b(?:der|die|das|und|ist|nicht|eine?|einen|dem|den|des|mit|von|zu|zum|im|am|für|auf|es|er|"
    r"sich|wird|wurde|werden|auch|als|bei|aus|nach|ich|sie|wir|sind|hat|haben|kann|keine?|um|dort|"
    r"wollte|zog)\b"
)
_ENGLISH = re.compile(
    r"\b(?:the|and|is|not|a|of|to|for|on|it|with|are|be|by|from|at|this|that|which|will|has|have|"
    r"can|no|i|we|they|were|or|as|there|he|she|wanted)\b"
)
"""Little words; those of both languages (`in`, `an`, `was`) tell nothing."""


def plain(text: str) -> str:
    """The words of a text: no Markdown, one kind of quote, dash and space, no capitals."""
    unmarked = _MARKS.sub("", _SPACED_THOUSANDS.sub("", text).translate(_ALIKE))
    return " ".join(unicodedata.normalize("NFKC", unmarked).casefold().split())


def _by_group(token: str, mark: str) -> Decimal | None:
    first, *groups = token.lstrip("+-").split(mark)
    if 1 <= len(first) <= 3 and first != "0" and all(len(group) == 3 for group in groups):
        return Decimal(token.replace(mark, ""))
    return None


def _readings(token: str) -> set[Decimal]:
    token = token.rstrip(".,'").replace("'", "")
    marks = [each for each in token if each in ".,"]
    if not marks:
        return {Decimal(token)}
    last = marks[-1]
    if marks.count(last) > 1:
        grouped = _by_group(token, last) if len(set(marks)) == 1 else None
        return set() if grouped is None else {grouped}
    thousands = "," if last == "." else "."
    decimal = Decimal(token.replace(thousands, "").replace(last, "."))
    if len(marks) > 1:
        return {decimal}
    grouped = _by_group(token, last)
    return {decimal} if grouped is None else {decimal, grouped}


def numbers(text: str) -> list[set[Decimal]]:
    """The numbers of a text in order, each with what it may mean.

    `1.234` is 1234 in German and 1.234 in English: both are possible readings.
    """
    return [found for each in _NUMBER.findall(plain(text)) if (found := _readings(each))]


def has_number(text: str, value: Decimal | int) -> bool:
    """Whether a number of the text may mean `value`."""
    return any(value in readings for readings in numbers(text))


def ends_on(text: str, value: Decimal | int) -> bool:
    """Whether the last number of the text may mean `value`."""
    found = numbers(text)
    return bool(found) and value in found[-1]


def has_words(text: str, words: str) -> bool:
    """Whether the text says `words`, as whole words, in whatever case and markup."""
    return re.search(rf"(?<!\w){re.escape(plain(words))}(?!\w)", plain(text)) is not None


def has_any(text: str, wordings: Iterable[str]) -> bool:
    """Whether the text says one of the wordings."""
    return any(has_words(text, each) for each in wordings)


def in_order(text: str, wordings: Iterable[str]) -> bool:
    """Whether the last mentions of these stand in this order."""
    said = plain(text)
    places = [said.rfind(plain(each)) for each in wordings]
    return -1 not in places and places == sorted(places)


def json_of(text: str) -> object | None:
    """The JSON value that the text is, a code fence around it or not; None: it is none."""
    fenced = _FENCE.search(text)
    try:
        value: object = json.loads(fenced[1] if fenced else text)
    except ValueError:
        return None
    return value


def same_json(one: object, other: object) -> bool:
    """Whether two JSON values are alike: 12 is 12.0, but true is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same_json(one[each], other[each]) for each in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same_json, one, other))
    return one == other


def is_german(text: str) -> bool:
    """Whether the little words of the text are German and not English."""
    words = plain(text)
    german = len(_GERMAN.findall(words))
    return german > 0 and german > len(_ENGLISH.findall(words))
