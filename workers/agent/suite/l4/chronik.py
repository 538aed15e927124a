"""L4 long context in German: the chronicle of a mill, and two questions about it."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache, partial

from workers.agent.suite import demands
from workers.agent.suite.draws import GOODS_DE, PEOPLE, TOWNS, distinct, draw
from workers.agent.suite.l4.long_text import LongText, Piece, long_text
from workers.agent.suite.posing import posed
from workers.agent.suite.spec import Level, PoseContext, Posed, Task, TaskClass
from workers.agent.world.facts import Facts

_REMARKS = (
    "Das Wehr hielt dem Wasser stand.",
    "Am Abend zog Nebel über die Wiesen.",
    "Der Müller war zufrieden mit dem Tag.",
    "Ein Wagen brach auf der Brücke ein Rad.",
    "Die Kinder brachten Beeren aus dem Wald.",
    "Das Mühlrad wurde mit Fett geschmiert.",
    "Es regnete ohne Pause bis in die Nacht.",
    "Der Bote kam zwei Stunden zu spät.",
    "Im Stall wurde ein Fohlen geboren.",
)


@dataclass(frozen=True, slots=True)
class _Told:
    smith: str
    town: str
    flour: tuple[int, int, int, int]
    """Sacks that the monastery took, load by load."""


def _told(seed: int) -> _Told:
    source = draw("chronik", seed)
    first, second, third, last = distinct(source, 4, 11, 79)
    return _Told(source.choice(PEOPLE), source.choice(TOWNS), (first, second, third, last))


def _entries(seed: int) -> Iterator[str]:
    source = draw("chronik entries", seed)
    number = 0
    while True:
        number += 1
        yield (
            f"Eintrag {number}. {source.choice(PEOPLE)} brachte {source.randrange(2, 60)} Säcke "
            f"Roggen und holte {source.randrange(2, 40)} Säcke Mehl ab; dazu kamen "
            f"{source.randrange(2, 30)} {source.choice(GOODS_DE)} für den Markt. "
            f"{source.choice(_REMARKS)}"
        )


@lru_cache(maxsize=2)
def _chronicle(seed: int, context: PoseContext) -> LongText:
    told = _told(seed)
    loads = zip((0.08, 0.37, 0.66, 0.93), told.flour, strict=True)
    pieces = [
        Piece(0.50, f"Der Schmied {told.smith} zog fort, um in {told.town} Glocken zu gießen."),
        *(Piece(at, f"Das Kloster nahm {count} Säcke Hafer ab.") for at, count in loads),
    ]
    return long_text(lambda: _entries(seed), pieces, context)


def _smith(_facts: Facts, seed: int, context: PoseContext) -> Posed:
    told, text = _told(seed), _chronicle(seed, context)
    return posed(
        f"Dies ist die Chronik einer Mühle.\n\n{text.text}\n\nWohin zog der Schmied {told.smith}, "
        "und was wollte er dort tun? Antworte in einem kurzen deutschen Satz.",
        demands.says(told.town),
        demands.says("Glocken", "Glockengießer", "Glocke", "Glockengießen"),
        demands.german(),
        demands.words_at_most(25),
        text_n=text.tokens,
    )


def _oats(_facts: Facts, seed: int, context: PoseContext) -> Posed:
    text = _chronicle(seed, context)
    return posed(
        f"Dies ist die Chronik einer Mühle.\n\n{text.text}\n\nWie viele Säcke Hafer nahm das "
        "Kloster insgesamt ab? Zähle alle Lieferungen zusammen. Antworte nur mit der Summe.",
        demands.number(sum(_told(seed).flour)),
        text_n=text.tokens,
    )


_task = partial(
    Task,
    level=Level.L4,
    task_class=TaskClass.LONG_CONTEXT,
    context_min_n=4096,
)

TASKS = (
    _task(
        name="l4_text_de_depth_50",
        asks="where a smith went and what for, told at 50 % of a German text (German)",
        checks="place and purpose, German, at most 25 words",
        pose=_smith,
        language="de",
    ),
    _task(
        name="l4_text_de_sum",
        asks="the sum of four deliveries, spread over a German text (German)",
        checks="the sum",
        pose=_oats,
        language=None,
    ),
)
