"""L0 reasoning with one answer that can be checked: sums, times, orders, a small deduction."""

from workers.agent.suite import demands
from workers.agent.suite.draws import DAYS, GOODS, PEOPLE, TOWNS, distinct, draw, listed
from workers.agent.suite.posing import posed
from workers.agent.suite.spec import Level, PoseContext, Posed, Task, TaskClass
from workers.agent.world.facts import Facts


def _bill(_facts: Facts, seed: int, _context: PoseContext) -> Posed:
    source = draw("bill", seed)
    share, guests = source.randrange(14, 39), source.randrange(4, 9)
    tip = source.randrange(2, 9)
    voucher = source.randrange(10, 30)
    total = share * guests + voucher - tip
    return posed(
        f"{guests} friends share a dinner of {total} euros. They add a tip of {tip} euros and pay "
        f"{voucher} euros with a voucher. The rest they split evenly. "
        "How many euros does each pay? Reply with the number only.",
        demands.number(share),
    )


def _arrival(_facts: Facts, seed: int, _context: PoseContext) -> Posed:
    source = draw("arrival", seed)
    start = source.randrange(6 * 60, 12 * 60)
    first, stop, second = (
        source.randrange(low, high) for low, high in ((75, 190), (12, 48), (65, 170))
    )
    end = start + first + stop + second
    clock = f"{end // 60:02d}:{end % 60:02d}"
    town, other = source.sample(TOWNS, 2)
    return posed(
        f"A train leaves {town} at {start // 60:02d}:{start % 60:02d}, rides {first} minutes to "
        f"{other}, waits there {stop} minutes and rides {second} minutes more. When does it "
        "arrive? Reply with the time only, as HH:MM (24 hours).",
        demands.bare(clock, clock.removeprefix("0")),
    )


def _weekday(_facts: Facts, seed: int, _context: PoseContext) -> Posed:
    source = draw("weekday", seed)
    today, later = source.randrange(7), source.randrange(17, 90)
    return posed(
        f"Today is {DAYS[today]}. Which day of the week is it in {later} days? "
        "Reply with the name of the day only.",
        demands.bare(DAYS[(today + later) % 7]),
    )


def _seating(_facts: Facts, seed: int, _context: PoseContext) -> Posed:
    source = draw("seating", seed)
    people = source.sample(PEOPLE, 5)
    clues = [f"{people[0]} is older than {people[1]}", f"{people[2]} is younger than {people[1]}"]
    clues += [f"{people[3]} is younger than {people[2]}", f"{people[4]} is older than {people[0]}"]
    source.shuffle(clues)
    oldest_first = [people[4], *people[:4]]
    return posed(
        f"{'. '.join(clues)}. Name the five from the oldest to the youngest, separated by commas. "
        "Reply with the names only.",
        demands.bare(", ".join(oldest_first), ",".join(oldest_first)),
    )


def _sorting(_facts: Facts, seed: int, _context: PoseContext) -> Posed:
    source = draw("sorting", seed)
    goods = source.sample(GOODS, 5)
    weights = distinct(source, 5, 101, 1950)
    # The heaviest is told in kg: its number alone is among the smallest.
    weights.sort(reverse=True)
    weights[1:] = source.sample(weights[1:], 4)
    heavy = [
        f"{thing} {weight / 1000:.3f} kg" for thing, weight in zip(goods, weights, strict=True)
    ]
    heavy[1] = f"{goods[1]} {weights[1]} g"
    heavy[3] = f"{goods[3]} {weights[3]} g"
    falling = [thing for _, thing in sorted(zip(weights, goods, strict=True), reverse=True)]
    return posed(
        f"Weights: {'; '.join(heavy)}. Order the five things from the heaviest to the lightest, "
        "separated by commas. Reply with their names only.",
        demands.bare(", ".join(falling), ",".join(falling)),
    )


def _boxes(_facts: Facts, seed: int, _context: PoseContext) -> Posed:
    source = draw("boxes", seed)
    colours = source.sample(("red", "blue", "green", "white"), 4)
    things = source.sample(GOODS, 4)
    of = dict(zip(colours, things, strict=True))
    first, second, third, last = colours
    return posed(
        f"Four boxes, {listed(sorted(colours))}, hold one kind of thing each: "
        f"{listed(sorted(things))}. The {first} box holds the {of[first]} or the {of[second]}. "
        f"The {second} box holds the {of[second]}. The {third} box does not hold the {of[last]}. "
        f"Which box holds the {of[last]}? Reply with its colour only.",
        demands.bare(last, f"the {last} box", f"{last} box", f"the {last} one"),
    )


def _sold(_facts: Facts, seed: int, _context: PoseContext) -> Posed:
    source = draw("sold", seed)
    thing, other = source.sample(GOODS, 2)
    start, sold, came, broken = (
        source.randrange(low, high) for low, high in ((120, 260), (31, 90), (24, 80), (3, 15))
    )
    return posed(
        f"A shop has {start} {thing} and {source.randrange(20, 99)} {other}. On Monday it sells "
        f"{sold} {thing} and {source.randrange(3, 19)} {other}. On Tuesday {came} {thing} come in, "
        f"{broken} of them broken, which go back at once. "
        f"How many {thing} does the shop have then? Reply with the number only.",
        demands.number(start - sold + came - broken),
    )


_ANSWERS = (
    ("l0_bill", "a dinner's bill, split", "the amount", _bill),
    ("l0_arrival", "when a train with a stop arrives", "the time, nothing else", _arrival),
    ("l0_weekday", "the day of the week in so many days", "the day, nothing else", _weekday),
    ("l0_ages", "five people by age from four clues", "the five names in order", _seating),
    ("l0_weights", "five weights in two units, ordered", "the five names in order", _sorting),
    ("l0_boxes", "which of four boxes holds a thing, from three clues", "the colour", _boxes),
    (
        "l0_stock",
        "a shop's stock after two days, with what is beside the point",
        "the count",
        _sold,
    ),
)

TASKS = tuple(
    Task(
        name=name,
        level=Level.L0,
        task_class=TaskClass.REASONING,
        asks=asks,
        checks=checks,
        pose=pose,
        language=None,
    )
    for name, asks, checks, pose in _ANSWERS
)
