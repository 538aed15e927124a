"""L0 reasoning, the form of an answer: exact lines, JSON by a schema, ISO dates, one label."""

from datetime import date, timedelta
from functools import partial

from workers.agent.suite import demands
from workers.agent.suite.draws import GOODS, MONTHS, PEOPLE, SURNAMES, TOWNS, draw
from workers.agent.suite.posing import posed
from workers.agent.suite.spec import Level, PoseContext, Posed, Task, TaskClass
from workers.agent.world.facts import Facts


def _iso_date(_facts: Facts, seed: int, _context: PoseContext) -> Posed:
    day = date(2031, 1, 1) + timedelta(days=draw("iso_date", seed).randrange(365))
    spoken = f"{MONTHS[day.month - 1]} {day.day}, {day.year}"
    return posed(
        f"Rewrite the date {spoken} as YYYY-MM-DD. Reply with the rewritten date and nothing else.",
        demands.exact(day.isoformat()),
    )


def _exact_lines(_facts: Facts, seed: int, _context: PoseContext) -> Posed:
    source = draw("exact_lines", seed)
    goods = source.sample(GOODS, 4)
    counts = [source.randrange(2, 90) for _ in goods]
    text = ", ".join(f"{count} {thing}" for count, thing in zip(counts, goods, strict=True))
    lines = [f"{thing.upper()}={count}" for count, thing in zip(counts, goods, strict=True)]
    return posed(
        f"The store holds {text}. Write one line for each thing, in that order, in the form "
        "NAME=COUNT with the name in capital letters, without spaces. No other text, "
        "no code fence.",
        demands.exact("\n".join(lines)),
    )


def _json_person(_facts: Facts, seed: int, _context: PoseContext) -> Posed:
    source = draw("json_person", seed)
    name = f"{source.choice(PEOPLE)} {source.choice(SURNAMES)}"
    town, age, member = source.choice(TOWNS), source.randrange(21, 80), source.random() < 0.5
    joined = "is a member of the rowing club" if member else "left the rowing club last year"
    return posed(
        f"{name}, who turned {age} in spring, lives in {town} and {joined}.\n\n"
        "Give this as a JSON object by the schema "
        '{"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}, '
        '"town": {"type": "string"}, "member": {"type": "boolean"}}, '
        '"required": ["name", "age", "town", "member"], "additionalProperties": false}. '
        "`member` is whether the person is in the club now. Reply with the JSON only.",
        demands.json_is({"name": name, "age": age, "town": town, "member": member}),
    )


def _json_order(_facts: Facts, seed: int, _context: PoseContext) -> Posed:
    source = draw("json_order", seed)
    goods = source.sample(GOODS, 3)
    lines = [(thing, source.randrange(2, 9), source.randrange(3, 40)) for thing in goods]
    text = "; ".join(f"{count} {thing} at {price} euros each" for thing, count, price in lines)
    wanted = {
        "items": [{"name": name, "count": count, "price": price} for name, count, price in lines],
        "total": sum(count * price for _, count, price in lines),
    }
    return posed(
        f"An order: {text}.\n\n"
        'Write it as JSON of the form {"items": [{"name": ..., "count": ..., "price": ...}, ...], '
        '"total": ...}: items in the order of the text, `price` in euros for one piece, `total` '
        "the sum to pay, all as numbers. Reply with the JSON only.",
        demands.json_is(wanted),
    )


_COMPLAINTS = {
    "delivery": ("The parcel came nine days late.", "The driver left the box in the rain."),
    "billing": ("I was charged twice for one order.", "The invoice has the wrong address."),
    "damage": ("The lid was cracked when I opened it.", "One leg of the table is broken."),
    "praise": ("Everything arrived early, thank you!", "The best kettle that I ever had."),
}


def _labels(_facts: Facts, seed: int, _context: PoseContext) -> Posed:
    source = draw("labels", seed)
    notes = [(text, label) for label, texts in _COMPLAINTS.items() for text in texts]
    picked = source.sample(notes, 5)
    numbered = "\n".join(f"{place}. {text}" for place, (text, _) in enumerate(picked, 1))
    return posed(
        "Put each message into one class: delivery (late, lost or left in a wrong place), billing "
        "(invoice, payment), damage (arrived broken), praise.\n\n"
        f"{numbered}\n\nReply with the five classes in order, separated by commas, nothing else.",
        demands.bare(
            ", ".join(label for _, label in picked), ",".join(label for _, label in picked)
        ),
    )


_task = partial(Task, level=Level.L0, task_class=TaskClass.REASONING)

TASKS = (
    _task(
        name="l0_iso_date",
        asks="a spoken date as YYYY-MM-DD",
        checks="the answer is the date to the letter",
        pose=_iso_date,
        language=None,
    ),
    _task(
        name="l0_exact_lines",
        asks="four things of a text as NAME=COUNT lines",
        checks="the lines to the letter, no other text",
        pose=_exact_lines,
        language=None,
    ),
    _task(
        name="l0_json_person",
        asks="a sentence about a person as JSON by a schema",
        checks="the JSON value, types included",
        pose=_json_person,
        language=None,
    ),
    _task(
        name="l0_json_order",
        asks="an order as nested JSON with its total",
        checks="the JSON value, order of the items and total included",
        pose=_json_order,
        language=None,
    ),
    _task(
        name="l0_labels",
        asks="five messages, one of four classes each",
        checks="the five classes in order and nothing else",
        pose=_labels,
    ),
)
