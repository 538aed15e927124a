"""L0: the right answers, worked out from the words of the prompt."""

import json
import re
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import permutations

from tests.unit.agent.outcomes import Case, Ideal, answers
from workers.agent.suite.spec import Posed
from workers.agent.world.facts import Facts


def _found(pattern: str, text: str) -> tuple[str, ...]:
    found = re.search(pattern, text, re.DOTALL)
    assert found, pattern
    return found.groups()


def iso_date(posed: Posed, _facts: Facts) -> Case:
    (spoken,) = _found(r"the date (.*?) as", posed.prompt)
    day = datetime.strptime(spoken, "%B %d, %Y").date()
    other = day + timedelta(days=1)
    return answers(f"{day}", f"{other}", f"The date is {day}.", f"{day:%d.%m.%Y}")


def exact_lines(posed: Posed, _facts: Facts) -> Case:
    (text,) = _found(r"holds (.*?)\. Write", posed.prompt)
    pairs = [each.split(" ", 1) for each in text.split(", ")]
    lines = [f"{thing.upper()}={count}" for count, thing in pairs]
    right = "\n".join(lines)
    return answers(right, "\n".join(lines[::-1]), f"```\n{right}\n```", right.lower(), lines[0])


def json_person(posed: Posed, _facts: Facts) -> Case:
    name, age, town, joined = _found(
        r"^(.*?), who turned (\d+) in spring, lives in (.*?) and (.*?)\.", posed.prompt
    )
    right = {"name": name, "age": int(age), "town": town, "member": joined.startswith("is")}
    return answers(
        f"```json\n{json.dumps(right, indent=2)}\n```",
        json.dumps({**right, "age": age}),
        json.dumps({**right, "member": not right["member"]}),
        json.dumps({**right, "member": int(joined.startswith("is"))}),
        json.dumps({**right, "more": 1}),
        f"{name} is {age}",
    )


def json_order(posed: Posed, _facts: Facts) -> Case:
    lines = re.findall(r"(\d+) (\w+) at (\d+) euros", posed.prompt)
    items = [{"name": name, "count": int(n), "price": int(price)} for n, name, price in lines]
    total = sum(int(count) * int(price) for count, _, price in lines)
    right = {"items": items, "total": total}
    return answers(
        json.dumps(right),
        json.dumps({**right, "total": total + 1}),
        json.dumps({**right, "items": items[::-1]}),
        json.dumps(items),
    )


def labels(posed: Posed, _facts: Facts) -> Case:
    words = {
        "late|left the box": "delivery",
        "charged|invoice": "billing",
        "cracked|broken": "damage",
        "thank|best": "praise",
    }
    notes = re.findall(r"^\d\. (.*)$", posed.prompt, re.MULTILINE)
    right = [
        next(label for pattern, label in words.items() if re.search(pattern, note))
        for note in notes
    ]
    turned = [*right[1:], right[0]]
    return answers(
        ", ".join(right), ", ".join(turned), ", ".join(right[:4]), "delivery, billing, damage"
    )


def bill(posed: Posed, _facts: Facts) -> Case:
    guests, total, tip, voucher = map(
        int,
        _found(r"^(\d+) friends .* of (\d+) euros.* of (\d+) euros and pay (\d+)", posed.prompt),
    )
    share = (total + tip - voucher) // guests
    return answers(
        f"**{share} €**",
        f"{share + 1}",
        f"{(total - voucher) / guests:.2f}",
        f"{share} is what each would pay, if it were not for {total}",
    )


def arrival(posed: Posed, _facts: Facts) -> Case:
    hour, minute, first, stop, second = map(
        int,
        _found(
            r"at (\d+):(\d+), rides (\d+) minutes .* (\d+) minutes and rides (\d+)", posed.prompt
        ),
    )
    end = datetime(2031, 1, 1, hour, minute) + timedelta(minutes=first + stop + second)
    forgot = end - timedelta(minutes=stop)
    return answers(f"{end:%H:%M}", f"{forgot:%H:%M}", f"{end:%H:%M} or {forgot:%H:%M}", "noon")


_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


def weekday(posed: Posed, _facts: Facts) -> Case:
    today, later = _found(r"Today is (\w+)\. .* in (\d+) days", posed.prompt)
    at = (_DAYS.index(today) + int(later)) % 7
    return answers(f"{_DAYS[at]}.", _DAYS[at - 1], f"{_DAYS[at]} or {_DAYS[at - 1]}")


def ages(posed: Posed, _facts: Facts) -> Case:
    older = re.findall(r"(\w+) is older than (\w+)", posed.prompt)
    older += [(b, a) for a, b in re.findall(r"(\w+) is younger than (\w+)", posed.prompt)]
    people = sorted({name for pair in older for name in pair})
    (right,) = [
        order
        for order in permutations(people)
        if all(order.index(first) < order.index(second) for first, second in older)
    ]
    return answers(
        ", ".join(right), ", ".join(right[::-1]), ", ".join(sorted(right)), ", ".join(right[:4])
    )


def weights(posed: Posed, _facts: Facts) -> Case:
    found = re.findall(r"(\w+) ([\d.]+) (k?g)", posed.prompt)
    grams = {name: float(n) * (1000 if unit == "kg" else 1) for name, n, unit in found}
    assert len(grams) == 5
    right = sorted(grams, key=lambda name: -grams[name])
    by_digits = sorted(found, key=lambda each: -float(each[1]))
    return answers(
        ", ".join(right), ", ".join(right[::-1]), ", ".join(name for name, _, _ in by_digits)
    )


def boxes(posed: Posed, _facts: Facts) -> Case:
    colours = re.findall(r"red|blue|green|white", posed.prompt.partition(", hold")[0])
    (things,) = _found(r"one kind of thing each: (.*?)\. The", posed.prompt)
    things_list = re.split(r", | and ", things)
    either = _found(r"The (\w+) box holds the (\w+) or the (\w+)\.", posed.prompt)
    sure = _found(r"\. The (\w+) box holds the (\w+)\.", posed.prompt)
    never = _found(r"The (\w+) box does not hold the (\w+)\.", posed.prompt)
    (asked,) = _found(r"Which box holds the (\w+)\?", posed.prompt)
    (right,) = {
        colour
        for order in permutations(things_list)
        for colour, thing in zip(colours, order, strict=True)
        if thing == asked
        and (of := dict(zip(colours, order, strict=True)))[either[0]] in either[1:]
        and of[sure[0]] == sure[1]
        and of[never[0]] != never[1]
    }
    return answers(right, *(each for each in colours if each != right), f"{right} or {sure[0]}")


def stock(posed: Posed, _facts: Facts) -> Case:
    start, sold, came, broken = map(
        int, _found(r"has (\d+) .* sells (\d+) .* Tuesday (\d+) .*come in, (\d+) of", posed.prompt)
    )
    right = start - sold + came - broken
    return answers(f"{right}", f"{right + broken}", f"{start - sold}", "some")


def de_bill(posed: Posed, _facts: Facts) -> Case:
    words = dict(zip(["drei", "vier", "fünf", "sechs", "sieben", "acht"], range(3, 9), strict=True))
    price, count, fee = _found(
        r"([\d,]+) Euro das .* kaufen (\w+) .* einmal ([\d,]+)", posed.prompt
    )
    right = Decimal(price.replace(",", ".")) * words[count] + Decimal(fee.replace(",", "."))
    german = f"{right:.2f}".replace(".", ",")
    return answers(f"{german} €", f"{right - 1:.2f}", f"{right * 100:.0f}", "nicht angegeben")


_GERMAN = {
    "Tuesday": "Dienstag",
    "Thursday": "Donnerstag",
    "Saturday": "Sonnabend",
    "spring": "Frühling",
    "autumn": "Herbst",
    "bridge": "Brücke",
    "key": "Schlüssel",
    "library": "Bücherei",
    "train": "Zug",
    "rain": "Regen",
    "hospital": "Krankenhaus",
}


def de_words(posed: Posed, _facts: Facts) -> Case:
    (asked,) = _found(r"into German: (.*?)\.", posed.prompt)
    right = [_GERMAN[each] for each in asked.split(", ")]
    return answers(
        ", ".join(right), asked, ", ".join([*right[:3], "Haus"]), f"{', '.join(right)} ({asked})"
    )


def de_clock(posed: Posed, _facts: Facts) -> Case:
    hours = [
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
    ]
    (spoken,) = _found(r"um halb (\w+) am", posed.prompt)
    hour = hours.index(spoken) + 12
    return answers(f"{hour}:30 Uhr", f"{hour + 1}:30", f"{hour - 12}:30", f"halb {spoken}")


def printed(posed: Posed, _facts: Facts) -> Case:
    (program,) = _found(r"```python\n(.*?)```", posed.prompt)
    known: dict[str, int] = {}
    exec(program.replace("print(total)", ""), known)
    return answers(f"{known['total']}", f"{known['total'] + 1}", "0", "a number")


def wrong_line(posed: Posed, _facts: Facts) -> Case:
    (listing,) = _found(r"```\n(.*?)\n```", posed.prompt)
    lines = [each[3:] for each in listing.splitlines()]
    good = {
        2: "    total = 0",
        5: "        if value > 0:",
        6: "            total += value",
        7: "            count += 1",
        10: "    return total / count",
    }
    (right,) = [at for at, text in good.items() if lines[at - 1] != text]
    return answers(f"Line {right}", f"{right + 1}", "1", f"It is line {right}, not line 4, I think")


def absent(posed: Posed, _facts: Facts) -> Case:
    return answers("Not stated.", "1962", "It cost 2 million.", "not stated, but about 3 million")


def false_premise(posed: Posed, _facts: Facts) -> Case:
    (year,) = _found(r"in (\d{4}) and", posed.prompt)
    return answers("false premise", year, f"{year} (false premise)")


def de_absent(posed: Posed, _facts: Facts) -> Case:
    return answers("Nicht angegeben", "80 Euro", "not stated", "nicht angegeben, etwa 80 Euro")


IDEALS: dict[str, Ideal] = {
    "l0_iso_date": iso_date,
    "l0_exact_lines": exact_lines,
    "l0_json_person": json_person,
    "l0_json_order": json_order,
    "l0_labels": labels,
    "l0_bill": bill,
    "l0_arrival": arrival,
    "l0_weekday": weekday,
    "l0_ages": ages,
    "l0_weights": weights,
    "l0_boxes": boxes,
    "l0_stock": stock,
    "l0_de_bill": de_bill,
    "l0_de_absent_fact": de_absent,
    "l0_de_words": de_words,
    "l0_de_clock": de_clock,
    "l0_printed": printed,
    "l0_wrong_line": wrong_line,
    "l0_absent_fact": absent,
    "l0_false_premise": false_premise,
}
