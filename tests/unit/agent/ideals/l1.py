"""L1: one call made, with its trace in the world."""

import re
from dataclasses import replace

from tests.unit.agent.outcomes import (
    Case,
    Ideal,
    file_to,
    got,
    idle,
    otherwise,
    part,
    picture,
    said,
    text_to,
    world,
)
from workers.agent.suite.spec import Call, Posed
from workers.agent.world.facts import Facts, Story, Weather
from workers.agent.world.state import TestRun


def _city(posed: Posed, facts: Facts) -> Weather:
    (city,) = [
        each
        for each in facts.cities.values()
        if each.path in posed.prompt or each.path_de in posed.prompt or each.name in posed.prompt
    ]
    return city


def temperature(posed: Posed, facts: Facts) -> Case:
    city = _city(posed, facts)
    calls = [Call("web_fetch", {"url": city.path})]
    right = said(f"{city.temperature_c} °C", world(requests=got(city.path)), calls=calls)
    return Case(
        right,
        (
            otherwise(right, f"{city.temperature_c + 1}"),
            otherwise(right, "warm"),
            idle(right),
            replace(right, state=world(requests=got(city.path, status=404))),
            replace(right, state=world(requests=got("/weather/nowhere"))),
        ),
    )


def rain_tomorrow(posed: Posed, facts: Facts) -> Case:
    city = _city(posed, facts)
    right = said(f"{city.forecast[0].rain_pct} %", world(requests=got(city.path)))
    other = city.forecast[0].rain_pct + 5
    return Case(right, (otherwise(right, f"{other}%"), idle(right)))


def search(posed: Posed, facts: Facts) -> Case:
    (story,) = [each for each in facts.headlines if f"“{each.title}”" in posed.prompt]
    other = next(each for each in facts.headlines if each != story)
    right = said(story.path, calls=[Call("web_search", {"query": story.title})])
    return Case(
        right,
        (
            otherwise(right, other.path),
            otherwise(right, "/news"),
            idle(right),
            replace(right, calls=(Call("web_search", {"q": "x"}, error="invalid arguments"),)),
        ),
    )


def de_weather(posed: Posed, facts: Facts) -> Case:
    city = _city(posed, facts)
    answer = f"In {city.name_de} wird es heute höchstens {city.high_c} Grad warm."
    right = said(answer, world(requests=got(city.path_de)))
    return Case(
        right,
        (
            otherwise(right, answer.replace(f"{city.high_c}", f"{city.high_c + 2}")),
            otherwise(right, f"The high in {city.name} is {city.high_c} degrees."),
            otherwise(right, answer * 4),
            idle(right),
        ),
    )


def _story(posed: Posed, facts: Facts) -> Story:
    (story,) = [
        each
        for each in facts.headlines
        if f"{each.path} " in posed.prompt or f"“{each.title}”" in posed.prompt
    ]
    return story


def navigate(posed: Posed, facts: Facts) -> Case:
    story = _story(posed, facts)
    right = said(f"“{story.title}”", world(requests=got(story.path, by="browser")))
    fetched = world(requests=got(story.path))
    other = next(each for each in facts.headlines if each != story)
    return Case(right, (otherwise(right, other.title), idle(right), replace(right, state=fetched)))


def snapshot(posed: Posed, facts: Facts) -> Case:
    story = _story(posed, facts)
    state = world(requests=got(story.path, by="browser"))
    calls = [Call("navigate", {"url": story.path}), Call("snapshot", {})]
    right = said(story.author, state, calls=calls)
    return Case(
        right,
        (
            otherwise(right, "Someone Else"),
            idle(right),
            replace(right, calls=right.calls[:1]),
            otherwise(right, f"{story.author} or Someone Else"),
        ),
    )


def click(posed: Posed, facts: Facts) -> Case:
    story = _story(posed, facts)
    state = world(requests=got("/", story.path, by="browser"))
    calls = [Call("navigate", {"url": "/"}), Call("snapshot", {}), Call("click", {"ref": "e7"})]
    right = said(f"By {story.author}.", state, calls=calls)
    return Case(
        right,
        (
            otherwise(right, "Someone Else"),
            idle(right),
            replace(right, calls=right.calls[:2]),
            replace(right, state=world(requests=got("/", by="browser"))),
        ),
    )


def type_(posed: Posed, facts: Facts) -> Case:
    city = _city(posed, facts)
    state = world(
        requests=[*got("/search", by="browser"), *got(f"/search?q={city.name}", by="browser")]
    )
    right = said("Yes.", state, calls=[Call("type", {"ref": "e3", "text": city.name})])
    return Case(
        right,
        (
            otherwise(right, "No"),
            idle(right),
            replace(right, calls=(Call("web_search", {"query": city.name}),)),
            replace(right, state=world(requests=got("/search", by="browser"))),
        ),
    )


def screenshot(posed: Posed, facts: Facts) -> Case:
    city = _city(posed, facts)
    name, png = f"{city.slug}.png", b"\x89PNG1"
    state = world({name: png}, screenshots=[picture(name, city.path, png)])
    right = said("The screenshot is saved.", state)
    other = world({name: png}, screenshots=[picture(name, "/", png)])
    gone = replace(state, files={})
    return Case(
        right,
        (
            idle(right),
            idle(right, {name: b"no picture"}),
            replace(right, state=other),
            replace(right, state=gone),
        ),
    )


def read_file(posed: Posed, _facts: Facts) -> Case:
    notes = posed.files["notes.txt"].decode()
    key, spare = part(notes, r"Saturday on: (\S+)"), part(notes, r"until Friday: (\S+)")
    calls = [Call("read_file", {"path": "notes.txt"})]
    right = said(f"`{key}`", world(posed.files), calls=calls)
    return Case(
        right, (otherwise(right, spare), otherwise(right, f"{key}, before {spare}"), idle(right))
    )


def write_file(posed: Posed, _facts: Facts) -> Case:
    site, port = part(posed.prompt, r"site=(.*?) and"), part(posed.prompt, r"port=(\d+)")
    right = said("Written.", world({"settings.ini": f"site={site}\nport={port}".encode()}))
    turned = f"port={port}\nsite={site}\n".encode()
    fenced = f"```\nsite={site}\nport={port}\n```".encode()
    return Case(
        right,
        (
            idle(right),
            *(
                replace(right, state=world({"settings.ini": each}))
                for each in (turned, fenced, b"")
            ),
            replace(right, state=world({"settings.txt": right.state.files["settings.ini"]})),
        ),
    )


def list_files(posed: Posed, _facts: Facts) -> Case:
    count = sum(path.endswith(".csv") for path in posed.files)
    right = said(f"{count}", world(posed.files), calls=[Call("list_files", {})])
    return Case(
        right,
        (otherwise(right, f"{count + 1}"), otherwise(right, f"{len(posed.files)}"), idle(right)),
    )


def send_text(posed: Posed, _facts: Facts) -> Case:
    to, text = part(posed.prompt, r"to (\S+@\S+): "), part(posed.prompt, r"example: (.*)$")
    right = said("Sent.", world(deliveries=[text_to(to, text)]))
    others = (
        [text_to(to, f"{text} Regards")],
        [text_to("somebody@else.example", text)],
        [text_to(to, text), text_to("somebody@else.example", text)],
        [file_to(to, "text.txt", text.encode())],
    )
    return Case(
        right, (idle(right), *(replace(right, state=world(deliveries=each)) for each in others))
    )


def send_file(posed: Posed, _facts: Facts) -> Case:
    path, to = part(posed.prompt, r"the file (\S+) to"), part(posed.prompt, r"(\S+@\S+)\.$")
    (other,) = [each for each in posed.files if each != path]
    sent = [file_to(to, path, posed.files[path])]
    right = said("Sent.", world(posed.files, deliveries=sent))
    wrong = (
        world(posed.files, deliveries=[file_to(to, other, posed.files[other])]),
        world(posed.files, deliveries=[text_to(to, posed.files[path].decode())]),
        world({**posed.files, other: b""}, deliveries=sent),
        world(posed.files, deliveries=[*sent, file_to("else@desk.example", path, b"1")]),
    )
    return Case(right, (idle(right, posed.files), *(replace(right, state=each) for each in wrong)))


def run_python(posed: Posed, _facts: Facts) -> Case:
    base, power, rest = map(int, re.findall(r"\d+", posed.prompt))
    total = sum(map(int, str(base**power * rest)))
    right = said(f"{total}", calls=[Call("run_python", {"code": "print(1)"})])
    failed = (Call("run_python", {"code": "print("}, error="SyntaxError"),)
    return Case(
        right, (otherwise(right, f"{total - 9}"), idle(right), replace(right, calls=failed))
    )


def run_tests(posed: Posed, _facts: Facts) -> Case:
    cases = re.findall(r"double\((\d+)\), (\d+)", posed.files["test_double.py"].decode())
    failed = sum(2 * int(given) != int(wanted) for given, wanted in cases)
    ran = TestRun(len(cases) - failed, failed, len(cases))
    right = said(f"{failed}", world(posed.files, test_runs=[ran]))
    changed = world({**posed.files, "double.py": b""}, test_runs=[ran])
    return Case(
        right,
        (
            otherwise(right, f"{len(cases) - failed + (2 * failed == len(cases))}"),
            idle(right, posed.files),
            replace(right, state=changed),
        ),
    )


def no_tool(posed: Posed, _facts: Facts) -> Case:
    count, more = map(int, re.findall(r"\d+", posed.prompt))
    right = said(f"{count - more}")
    return Case(
        right,
        (
            otherwise(right, f"{count + more}"),
            replace(right, calls=(Call("list_files", {}),)),
        ),
    )


IDEALS: dict[str, Ideal] = {
    "l1_temperature": temperature,
    "l1_rain_tomorrow": rain_tomorrow,
    "l1_search": search,
    "l1_de_weather": de_weather,
    "l1_navigate": navigate,
    "l1_snapshot": snapshot,
    "l1_click": click,
    "l1_type": type_,
    "l1_screenshot": screenshot,
    "l1_read_file": read_file,
    "l1_write_file": write_file,
    "l1_list_files": list_files,
    "l1_send_text": send_text,
    "l1_send_file": send_file,
    "l1_run_python": run_python,
    "l1_run_tests": run_tests,
    "l1_no_tool": no_tool,
}
