"""L4: texts read, sessions kept, hidden tests passed."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from tests.unit.agent.outcomes import (
    Case,
    Ideal,
    answers,
    part,
    said,
    world,
)
from workers.agent.suite.spec import Outcome, Posed
from workers.agent.world.facts import Facts
from workers.agent.world.state import TestRun


def depth_10(posed: Posed, _facts: Facts) -> Case:
    key = part(posed.prompt, r"lamp room was given the number (\S+) today")
    return answers(key, key[:-1], f"{key} or KR-1000", "not stated")


def depth_50(posed: Posed, _facts: Facts) -> Case:
    fee = int(part(posed.prompt, r"The diver \w+ was paid (\d+) crowns"))
    return answers(f"{fee} crowns", f"{fee + 10}", "not stated")


def depth_90(posed: Posed, _facts: Facts) -> Case:
    weight = int(part(posed.prompt, r"fog bell was weighed: (\d+)"))
    return answers(f"{weight:,}", f"{weight - 1}", "heavy")


def two_pieces(posed: Posed, _facts: Facts) -> Case:
    first = part(posed.prompt, r"all her charts brought to the (.*?)\.")
    last = part(posed.prompt, rf"The {first} was emptied; all it held now lies in the (.*?)\.")
    return answers(f"In the {last}.", f"In the {first}.", f"{first}, then {last}", "in the harbour")


def summed(posed: Posed, _facts: Facts) -> Case:
    landed = [int(each) for each in re.findall(r"(\d+) crates of amber were landed", posed.prompt)]
    assert len(landed) == 7
    total = sum(landed)
    return answers(f"**{total}**", f"{total - landed[3]}", f"{landed[-1]}", "seven landings")


def corrected(posed: Posed, _facts: Facts) -> Case:
    wrong = part(posed.prompt, r"toll for rafts was set at (\d+)")
    right = part(posed.prompt, r"noted wrongly above: it is (\d+)")
    return answers(right, wrong, f"{right}, not {wrong}", "not stated")


def order(posed: Posed, _facts: Facts) -> Case:
    names = re.findall(r"Inspector (\w+) looked", posed.prompt)
    assert len(names) == 3
    return answers(", ".join(names), ", ".join(names[::-1]), ", ".join(names[:2]))


def absent(posed: Posed, _facts: Facts) -> Case:
    west = part(posed.prompt, r"west crane cost (\d+)")
    assert "east crane cost" not in posed.prompt.replace("east crane cost?", "")
    return answers("not stated", west, f"{west} crowns, not stated exactly")


def smith(posed: Posed, _facts: Facts) -> Case:
    name = part(posed.prompt, r"Der Schmied (\w+) zog fort")
    town = part(posed.prompt, r"zog fort, um in (.*?) Glocken")
    return answers(
        f"{name} zog nach {town}, um dort Glocken zu gießen.",
        f"{name} moved to {town} to cast bells (Glocken).",
        f"{name} zog nach Wien, um dort Glocken zu gießen.",
        f"{name} zog nach {town}, um dort Brot zu backen.",
        f"Er zog nach {town}, um dort Glocken zu gießen. " * 5,
    )


def oats(posed: Posed, _facts: Facts) -> Case:
    loads = [int(each) for each in re.findall(r"Kloster nahm (\d+) Säcke Hafer", posed.prompt)]
    assert len(loads) == 4
    return answers(f"{sum(loads)} Säcke", f"{sum(loads[:3])}", f"{loads[0]}", "vier")


def _session(turns: list[str]) -> Case:
    right = said(turns[-1], turns=turns)

    def with_turn(place: int, answer: str) -> Outcome:
        changed = [*turns[:place], answer, *turns[place + 1 :]]
        return said(changed[-1], turns=changed)

    wrong = [with_turn(place, "I don't know.") for place in range(len(turns))]
    wrong += [with_turn(7, ""), said(turns[-1], turns=turns[:-1]), said(turns[-1])]
    return Case(right, tuple(wrong))


def session_facts(posed: Posed, _facts: Facts) -> Case:
    asked = " ".join([posed.prompt, *posed.follow_ups])
    dog = part(asked, r"dog is called (\w+)\.")
    here, brother, there = (
        part(asked, r"sister \w+ lives in (.*?), my"),
        part(asked, r"my brother (\w+) in"),
        part(asked, r"my brother \w+ in (.*?)\. Reply"),
    )
    moved = part(asked, r"has moved to (.*?)\. Reply")
    friend, day = part(asked, r"my friend (\w+) on"), part(asked, r"my friend \w+ on (\w+) at")
    days = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
    later = days[days.index(day) + 1]
    locker, changed = part(asked, r"my locker is (\S+)\."), part(asked, r"a new code: (\S+)\.")
    cost = int(part(asked, r"costs (\d+) euros a night")) * int(part(asked, r"stay (\d+) nights"))
    turns = ["OK", "OK.", "42", "OK", brother, "Okay!", "Iron.", "OK", "OK", dog, "OK", "Two", "OK"]
    turns += [moved, later, "14:30", f"{cost} €", "No.", f"{changed}, {here}"]
    turns.append(f"{dog}; {moved}; {friend}; {later}")
    case = _session(turns)
    stale = [*turns[:13], there, *turns[14:]], [*turns[:18], f"{locker}, {here}", turns[19]]
    return replace(case, wrong=(*case.wrong, *(said(each[-1], turns=each) for each in stale)))


def session_cash(posed: Posed, _facts: Facts) -> Case:
    balance = int(part(posed.prompt, r"at the start is (\d+)"))
    turns, signs = [f"{balance}"], [0]
    for message in posed.follow_ups:
        if found := re.search(r"not (\d+) but (\d+)", message):
            change = (int(found[2]) - int(found[1])) * signs[-2]
            signs.append(0)
        else:
            signs.append(1 if "sold" in message else -1)
            change = signs[-1] * int(part(message, r"(\d+) euros"))
        balance += change
        turns.append(f"{balance} euros")
    return _session(turns)


def _changed(items: list[str], message: str) -> list[str]:
    what, *words = re.findall(r"\w+", message)
    if what == "Put":
        return [words[0], *items] if "front" in words else [*items, words[0]]
    if what == "Take":
        return [each for each in items if each != words[0]]
    first, second = words[0], words[2]
    if what == "Swap":
        turned = {first: second, second: first}
        return [turned.get(each, each) for each in items]
    assert what == "Replace"
    return [second if each == first else each for each in items]


def session_list(posed: Posed, _facts: Facts) -> Case:
    items = part(posed.prompt, r"The list: (.*)\.").split(", ")
    turns = [", ".join(items)]
    for message in posed.follow_ups:
        items = _changed(items, message)
        turns.append(", ".join(items))
    return _session(turns)


def session_de(posed: Posed, _facts: Facts) -> Case:
    stock = Counter(
        {thing: int(n) for n, thing in re.findall(r"(\d+) ([A-ZÄÖÜ]\w+)", posed.prompt)}
    )
    holder = ""
    turns = [str(stock[part(posed.prompt, r"Wie viele (\w+) sind")])]
    for message in posed.follow_ups:
        for count, thing, way in re.findall(r"(\d+) (\w+) (kommen|gehen)", message):
            stock[thing] += int(count) * (1 if way == "kommen" else -1)
        if found := re.search(r"Schlüssel hat (?:von jetzt an )?(\w+)\.", message):
            holder = found[1]
        if found := re.search(r"Wie viele (\w+) liegen", message):
            turns.append(f"{stock[found[1]]}.")
        elif "am meisten" in message:
            turns.append(f"Die {stock.most_common(1)[0][0]}")
        elif "Bestand" in message:
            turns.append(", ".join(f"{thing}: {count}" for thing, count in stock.items()))
        else:
            turns.append(holder)
    return _session(turns)


def _program(files: Callable[[Posed], dict[str, bytes]] = lambda posed: dict(posed.files)) -> Ideal:
    def ideal(posed: Posed, _facts: Facts) -> Case:
        (hidden,) = posed.hidden.values()
        count = hidden.decode().count("    def test_")
        turns = ["Written."] * (1 + len(posed.follow_ups))
        laid = files(posed)

        def ended(passed: int, failed: int, changed: dict[str, bytes] | None = None) -> Outcome:
            run = TestRun(passed, failed, passed + failed)
            return said("Written.", world({**laid, **(changed or {})}), turns=turns, hidden=run)

        right = ended(count, 0)
        wrong = [ended(count - 1, 1), ended(count - 1, 0), ended(0, count)]
        wrong += [replace(right, hidden=None), replace(right, answer="")]
        wrong += [ended(count, 0, {path: b"changed"}) for path in posed.files if path in _KEPT]
        return Case(right, tuple(wrong))

    return ideal


_KEPT = ("app.log", "test_tally.py")


def _counted(posed: Posed) -> dict[str, bytes]:
    levels = Counter(
        found[1]
        for line in posed.files["app.log"].decode().splitlines()
        if (found := re.fullmatch(r"(?:[01]\d|2[0-3]):[0-5]\d (INFO|WARN|ERROR) .+", line))
    )
    counts = ", ".join(f'"{level}": {levels[level]}' for level in ("WARN", "INFO", "ERROR"))
    return {**posed.files, "counts.json": f"{{{counts}}}".encode()}


IDEALS: dict[str, Ideal] = {
    "l4_text_depth_10": depth_10,
    "l4_text_depth_50": depth_50,
    "l4_text_depth_90": depth_90,
    "l4_text_two_pieces": two_pieces,
    "l4_text_sum": summed,
    "l4_text_corrected": corrected,
    "l4_text_order": order,
    "l4_text_absent": absent,
    "l4_text_de_depth_50": smith,
    "l4_text_de_sum": oats,
    "l4_session_facts": session_facts,
    "l4_session_cash": session_cash,
    "l4_session_list": session_list,
    "l4_session_de": session_de,
    "l4_code_stock": _program(),
    "l4_code_spans": _program(),
    "l4_code_log": _program(_counted),
    "l4_code_tally": _program(),
    "l4_code_calc": _program(),
    "l4_code_plan": _program(),
}
