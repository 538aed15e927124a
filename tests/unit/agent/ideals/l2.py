"""L2: chains done from end to end, and each end left open."""

import csv
import json
import re
from collections import Counter
from dataclasses import replace

from tests.unit.agent.outcomes import (
    Case,
    Ideal,
    file_to,
    got,
    idle,
    instead,
    otherwise,
    part,
    said,
    text_to,
    world,
)
from workers.agent.suite.spec import Call, Posed
from workers.agent.world.facts import Facts, Weather
from workers.agent.world.state import TestRun, WorldState


def _to(posed: Posed) -> str:
    return part(posed.prompt, r"([\w.]+@[\w.]+\.(?:example|test))").rstrip(".")


def _cities(posed: Posed, facts: Facts) -> list[Weather]:
    return [each for each in facts.cities.values() if re.search(rf"\b{each.name}\b", posed.prompt)]


def warmest(posed: Posed, facts: Facts) -> Case:
    ordered = sorted(_cities(posed, facts), key=lambda each: each.high_c)
    assert len(ordered) == 5
    pages = [each.path for each in ordered]
    right = said(ordered[-1].name, world(requests=got(*pages)))
    return Case(
        right,
        (
            otherwise(right, ordered[-2].name),
            otherwise(right, f"{ordered[-1].name} or {ordered[-2].name}"),
            idle(right),
            *instead(right, world(requests=got(*pages[1:]))),
        ),
    )


def humidity_ranking(posed: Posed, facts: Facts) -> Case:
    ordered = sorted(facts.cities.values(), key=lambda each: -each.humidity_pct)
    pages = got("/weather", *(each.path for each in ordered))
    lines = [f"{place}. {each.name}" for place, each in enumerate(ordered, 1)]

    def ended(written: list[str], requests: int = 11) -> WorldState:
        return world({"air.txt": "\n".join(written).encode()}, requests=pages[:requests])

    right = said("air.txt is written.", ended(lines))
    swapped = [lines[1], lines[0], *lines[2:]]
    wrong = ended(swapped), ended(lines[::-1]), ended(lines[:9]), ended(lines, 1), ended([])
    return Case(right, (idle(right), *instead(right, *wrong)))


def picnic(posed: Posed, facts: Facts) -> Case:
    cities = sorted(_cities(posed, facts), key=lambda each: each.humidity_pct)
    pages, to = got(*(each.path for each in cities)), _to(posed)
    best, second = cities[:2]

    def ended(text: str, recipient: str = to) -> WorldState:
        return world(requests=pages, deliveries=[text_to(recipient, text)])

    right = said("Sent.", ended(f"Go to {best.name}: {best.humidity_pct} % humidity."))
    wrong = (
        ended(f"Go to {second.name}: {second.humidity_pct} % humidity."),
        ended(f"Go to {best.name}: {second.humidity_pct} % humidity."),
        ended(f"Go to {best.name} ({best.humidity_pct} %), not {second.name}."),
        ended(f"Go to {best.name}: {best.humidity_pct} % humidity.", "else@picnic.example"),
        world(deliveries=[text_to(to, f"Go to {best.name}: {best.humidity_pct} %")]),
    )
    return Case(right, (idle(right), *instead(right, *wrong)))


def totals(posed: Posed, _facts: Facts) -> Case:
    table = list(csv.DictReader(posed.files["orders.csv"].decode().splitlines()))
    sums: Counter[str] = Counter()
    for row in table:
        sums[row["customer"]] += int(row["euros"])

    def ended(value: object) -> WorldState:
        return world({**posed.files, "totals.json": json.dumps(value).encode()})

    right = said("totals.json is written.", ended({each: float(sums[each]) for each in sums}))
    first = min(sums)
    wrong = (
        ended({**sums, first: sums[first] + 1}),
        ended({each: str(sums[each]) for each in sums}),
        ended({each: sums[each] for each in sums if each != first}),
        replace(right.state, files={**right.state.files, "orders.csv": b""}),
    )
    return Case(right, (idle(right, posed.files), *instead(right, *wrong)))


def merge(posed: Posed, _facts: Facts) -> Case:
    names = sorted({name for each in posed.files.values() for name in each.decode().split()})
    to = _to(posed)

    def ended(written: list[str], sent: list[str] | None = None) -> WorldState:
        content = "\n".join(written).encode()
        delivered = content if sent is None else "\n".join(sent).encode()
        files = {**posed.files, "members.txt": content}
        return world(files, deliveries=[file_to(to, "members.txt", delivered)])

    right = said("Written and sent.", ended(names))
    wrong = (
        ended(names[::-1]),
        ended([*names, names[0]]),
        ended(names, names[:-1]),
        replace(right.state, deliveries=()),
        replace(right.state, files={"members.txt": right.state.files["members.txt"]}),
    )
    return Case(right, (idle(right, posed.files), *instead(right, *wrong)))


def settings(posed: Posed, _facts: Facts) -> Case:
    before = posed.files["app/server.ini"].decode()
    port, wanted = part(before, r"port = (\d+)"), part(posed.prompt, r"to (\d+)\.")
    server, cache = before.split("[cache]")

    def ended(text: str) -> WorldState:
        return world({"app/server.ini": text.encode()})

    right = said("Changed.", ended(server.replace(port, wanted) + "[cache]" + cache))
    wrong = (
        ended(before.replace(port, wanted)),
        ended(server + "[cache]" + cache.replace(port, wanted)),
        ended(right.state.files["app/server.ini"].decode().replace("# the server\n", "")),
        ended(f"[server]\nport = {wanted}\n"),
    )
    return Case(right, (idle(right, posed.files), *instead(right, *wrong)))


def report(posed: Posed, facts: Facts) -> Case:
    first, second = _cities(posed, facts)
    pages, to = got(first.path, second.path), _to(posed)
    lines = [f"- {each.name}: {each.low_c} to {each.high_c} °C" for each in (first, second)]
    text = "\n".join(["# Weather report", "", *lines]).encode()

    def ended(content: bytes, sent: bytes | None = None) -> WorldState:
        delivered = file_to(to, "report.md", content if sent is None else sent)
        return world({"report.md": content}, requests=pages, deliveries=[delivered])

    right = said("The report is sent.", ended(text))
    wrong = (
        ended(text.replace(f"{first.high_c}".encode(), f"{first.high_c + 41}".encode())),
        ended(text.replace(b"# Weather report", b"Here it is")),
        ended("\n".join(lines[:1]).encode()),
        ended(text, b"# Weather report"),
        replace(right.state, deliveries=(text_to(to, text.decode()),)),
        replace(right.state, requests=()),
    )
    return Case(right, (idle(right), *instead(right, *wrong)))


def repair(posed: Posed, _facts: Facts) -> Case:
    files = {**posed.files, "rebate.py": b"def price(): ..."}
    passed = TestRun(4, 0, 4)
    right = said("Repaired.", world(files, test_runs=[TestRun(2, 2, 4), passed]), hidden=passed)
    bent = {**files, "test_rebate.py": b""}
    return Case(
        right,
        (
            replace(right, hidden=TestRun(3, 1, 4)),
            replace(right, hidden=None),
            *instead(right, world(files), world(files, test_runs=[TestRun(3, 1, 4)])),
            *instead(right, world(bent, test_runs=[passed])),
        ),
    )


def median(posed: Posed, _facts: Facts) -> Case:
    values = sorted(map(int, posed.files["data/levels.txt"].decode().split()))
    middle, beside = values[90], values[91]

    def ended(value: int) -> WorldState:
        return world({**posed.files, "median.txt": f"{value}\n".encode()})

    calls = [Call("run_python", {"code": "print(1)"})]
    right = said(f"The median is {middle:,}.", ended(middle), calls=calls)
    return Case(
        right,
        (
            otherwise(right, f"The median is {beside}."),
            replace(right, calls=()),
            idle(right, posed.files),
            *instead(right, ended(beside)),
        ),
    )


def basket(posed: Posed, facts: Facts) -> Case:
    order = re.findall(r"(\d+) x ([A-Z][\w ]*?)(?:,| and|\?)", posed.prompt)
    assert len(order) == 3
    prices = {each.name: each.price_eur for each in facts.products}
    total = sum(int(count) * prices[name] for count, name in order)
    right = said(f"{total:,} euros", world(requests=got("/shop")))
    single = sum(prices[name] for _, name in order)
    return Case(
        right, (otherwise(right, f"{total + 1}"), otherwise(right, f"{single - 1}"), idle(right))
    )


def train(posed: Posed, facts: Facts) -> Case:
    place, until = (
        part(posed.prompt, r"train to (.*?) leaves"),
        part(posed.prompt, r"by (\d\d:\d\d)"),
    )
    there = [each for each in facts.trains if each.destination == place]
    best = max((each for each in there if each.arrives <= until), key=lambda each: each.departs)
    right = said(f"{best.number} from platform {best.platform}", world(requests=got("/trains")))
    others = [each for each in there if each != best]
    return Case(
        right,
        (
            *(otherwise(right, f"{each.number}, platform {best.platform}") for each in others),
            *(
                otherwise(right, f"{best.number} or {each.number}, platform {best.platform}")
                for each in others
            ),
            otherwise(right, f"{best.number}, platform {best.platform + 10}"),
            idle(right),
        ),
    )


IDEALS: dict[str, Ideal] = {
    "l2_warmest": warmest,
    "l2_humidity_ranking": humidity_ranking,
    "l2_picnic": picnic,
    "l2_totals": totals,
    "l2_merge": merge,
    "l2_settings": settings,
    "l2_report": report,
    "l2_repair": repair,
    "l2_median": median,
    "l2_basket": basket,
    "l2_train": train,
}
