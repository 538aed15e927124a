"""L0 multilingual: questions in German, and from one language into the other."""

from decimal import Decimal

from workers.agent.suite import demands
from workers.agent.suite.draws import GOODS_DE, PEOPLE, TOWNS, draw
from workers.agent.suite.posing import posed
from workers.agent.suite.spec import Level, PoseContext, Posed, Task, TaskClass
from workers.agent.world.facts import Facts

_NUMERALS_DE = {
    3: "drei",
    4: "vier",
    5: "fünf",
    6: "sechs",
    7: "sieben",
    8: "acht",
    9: "neun",
    11: "elf",
    12: "zwölf",
}


def _rechnung(_facts: Facts, seed: int, _context: PoseContext) -> Posed:
    source = draw("rechnung", seed)
    thing, other = source.sample(GOODS_DE, 2)
    count, cents = source.randrange(3, 9), source.randrange(125, 980, 5)
    fee = source.randrange(150, 495, 5)
    sum_cents = count * cents + fee
    return posed(
        f"Im Lager kosten {thing} {cents / 100:.2f} Euro das Stück".replace(".", ",")
        + f". Wir kaufen {_NUMERALS_DE.get(count, str(count))} davon und zahlen einmal "
        + f"{fee / 100:.2f} Euro Versand".replace(".", ",")
        + f"; {other} brauchen wir keine. Was kostet das zusammen in Euro? "
        "Antworte nur mit dem Betrag.",
        demands.number(Decimal(sum_cents) / 100),
    )


def _nicht_angegeben(_facts: Facts, seed: int, _context: PoseContext) -> Posed:
    source = draw("nicht_angegeben", seed)
    person, town = source.choice(PEOPLE), source.choice(TOWNS)
    return posed(
        f"{person} führt seit {source.randrange(1990, 2015)} das Gasthaus am Markt in {town}. "
        f"Es hat {source.randrange(12, 60)} Betten und im Winter vier Wochen geschlossen.\n\n"
        "Was kostet nach diesem Text eine Nacht? Steht es nicht im Text, antworte genau: "
        "nicht angegeben",
        demands.bare("nicht angegeben"),
    )


_WORDS = (
    *(("Tuesday", "Dienstag"), ("Thursday", "Donnerstag"), ("Saturday", "Samstag")),
    *(("spring", "Frühling"), ("autumn", "Herbst"), ("bridge", "Brücke"), ("key", "Schlüssel")),
    *(("library", "Bibliothek"), ("train", "Zug"), ("rain", "Regen"), ("hospital", "Krankenhaus")),
)
_ALSO = {"Samstag": "Sonnabend", "Frühling": "Frühjahr", "Bibliothek": "Bücherei"}


def _woerter(_facts: Facts, seed: int, _context: PoseContext) -> Posed:
    picked = draw("woerter", seed).sample(_WORDS, 4)
    wanted = [(german, _ALSO.get(german, german)) for _, german in picked]
    return posed(
        f"Translate into German: {', '.join(english for english, _ in picked)}. "
        "Reply with the four nouns without articles, in that order, separated by commas.",
        *(demands.says(*each) for each in wanted),
        demands.words_at_most(8),
        demands.says_none(*(english for english, german in picked if english != german)),
    )


def _uhrzeit(_facts: Facts, seed: int, _context: PoseContext) -> Posed:
    source = draw("uhrzeit", seed)
    hour = source.randrange(20, 24)
    spoken = (
        "eins",
        "zwei",
        "drei",
        "vier",
        "fünf",
        "sechs",
        "sieben",
        "acht",
        "neun",
        "zehn",
        "elf",
    )
    clock = f"{hour - 1}:30"
    first, second = source.sample(PEOPLE, 2)
    return posed(
        f"{first} schreibt an {second}: „Wir treffen uns heute Abend um halb "
        f"{spoken[hour - 13]} am Bahnhof.“ Welche Uhrzeit ist das in der Form "
        "HH:MM (24 Stunden)? Antworte nur mit der Uhrzeit.",
        demands.bare(clock, f"{clock} uhr"),
    )


_FRAGEN = (
    ("l0_de_bill", "a bill with decimal commas (German)", "the amount", None, _rechnung),
    (
        "l0_de_absent_fact",
        "a fact that a German text does not have",
        "the agreed German words for that; no figure",
        "de",
        _nicht_angegeben,
    ),
    ("l0_de_words", "four nouns into German", "each noun, no English left", "de", _woerter),
    (
        "l0_de_clock",
        "what `halb acht` is on a clock (German)",
        "the time, nothing else",
        None,
        _uhrzeit,
    ),
)

TASKS = tuple(
    Task(
        name=name,
        level=Level.L0,
        task_class=TaskClass.MULTILINGUAL,
        asks=asks,
        checks=checks,
        pose=pose,
        language=language,
    )
    for name, asks, checks, language, pose in _FRAGEN
)
