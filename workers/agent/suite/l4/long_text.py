"""A long text with evidence at set depths, as many tokens as the context takes. Pure."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from workers.agent.suite.spec import PoseContext

_MARGIN = 0.95
"""Share of the room that the text takes: estimates of tokens are off by some percent."""
_SAMPLE = 64


@dataclass(frozen=True, slots=True)
class Piece:
    """A sentence of evidence, and where in the text it stands."""

    depth: float
    """0: at the begin, 1: at the end."""
    text: str


@dataclass(frozen=True, slots=True)
class LongText:
    """A text with its size."""

    text: str
    tokens: int
    """By `PoseContext.tokens_of`."""


def room(context: PoseContext) -> int:
    """Tokens that a text may take of the context."""
    return int(_MARGIN * (context.context_n - context.answer_n))


def long_text(
    entries: Callable[[], Iterator[str]], pieces: Sequence[Piece], context: PoseContext
) -> LongText:
    """Entries with the pieces among them, a paragraph each, as many as the context takes.

    Args:
        entries: A new run of filler, without end.
        pieces: The evidence, in any order.
        context: What may be taken.
    """
    wanted = room(context)
    by_entry = context.tokens_of(_joined(list(islice(entries(), _SAMPLE)), ())) / _SAMPLE
    evidence = context.tokens_of(_joined([], pieces))
    count = max(1, int((wanted - evidence) / by_entry))
    while True:
        text = _joined(list(islice(entries(), count)), pieces)
        tokens = context.tokens_of(text)
        if tokens <= wanted or count == 1:
            return LongText(text, tokens)
        count = max(1, min(count - 1, int(count * wanted / tokens)))


def _joined(entries: list[str], pieces: Sequence[Piece]) -> str:
    size = len(entries)
    for piece in sorted(pieces, key=lambda each: each.depth, reverse=True):
        entries.insert(round(piece.depth * size), piece.text)
    return "\n\n".join(entries)
