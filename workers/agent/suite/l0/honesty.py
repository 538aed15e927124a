"""L0 error edge: what the text does not tell must not be invented."""

from workers.agent.suite import demands
from workers.agent.suite.draws import PEOPLE, SURNAMES, TOWNS, draw
from workers.agent.suite.posing import posed
from workers.agent.suite.spec import Level, PoseContext, Posed, Task, TaskClass
from workers.agent.world.facts import Facts


def _absent_fact(_facts: Facts, seed: int, _context: PoseContext) -> Posed:
    source = draw("absent_fact", seed)
    person, town = f"{source.choice(PEOPLE)} {source.choice(SURNAMES)}", source.choice(TOWNS)
    opened, seats = source.randrange(1952, 1999), source.randrange(80, 400)
    return posed(
        f"The {town} theatre was opened in {opened} by {person}. It has {seats} seats and plays "
        f"from September to June; the roof was renewed in {opened + source.randrange(9, 21)}.\n\n"
        "By this text, how much did the building of the theatre cost? If the text does not say, "
        "reply exactly: not stated",
        demands.bare("not stated"),
    )


def _false_premise(_facts: Facts, seed: int, _context: PoseContext) -> Posed:
    source = draw("false_premise", seed)
    first, second = source.sample(PEOPLE, 2)
    town = source.choice(TOWNS)
    year = source.randrange(1980, 2019)
    return posed(
        f"{first} moved to {town} in {year} and opened a bakery there. {second} stayed a carpenter "
        f"in the same town and never baked.\n\nIn which year did {second} open the bakery? "
        "Use the text alone. Reply with the year; if the question assumes what the text "
        "contradicts, reply exactly: false premise",
        demands.bare("false premise"),
    )


_QUESTIONS = (
    (
        "l0_absent_fact",
        "a fact that the given text does not have",
        "the agreed words for that; no figure",
        _absent_fact,
    ),
    (
        "l0_false_premise",
        "a question that assumes what the text contradicts",
        "the agreed words for that; no year",
        _false_premise,
    ),
)

TASKS = tuple(
    Task(
        name=name,
        level=Level.L0,
        task_class=TaskClass.ERROR_EDGE,
        asks=asks,
        checks=checks,
        pose=pose,
    )
    for name, asks, checks, pose in _QUESTIONS
)
