"""L2 tool chain: tables, lists and settings read, changed and sent."""

import json
from functools import partial

from workers.agent.scoring.report import Effect
from workers.agent.suite import effects, toolsets
from workers.agent.suite.answers import has_number, has_words, json_of, plain, same_json
from workers.agent.suite.draws import GOODS, PEOPLE, distinct, draw, listed
from workers.agent.suite.posing import posed
from workers.agent.suite.spec import Level, PoseContext, Posed, Task, TaskClass
from workers.agent.world.facts import Facts


def _totals(_facts: Facts, seed: int, _context: PoseContext) -> Posed:
    source = draw("l2_totals", seed)
    people = source.sample(PEOPLE, 3)
    rows = [
        (source.choice(people), source.choice(GOODS), source.randrange(3, 60)) for _ in range(9)
    ]
    rows += [(each, source.choice(GOODS), source.randrange(3, 60)) for each in people]
    table = "customer,thing,euros\n" + "".join(f"{who},{what},{sum_}\n" for who, what, sum_ in rows)
    totals: dict[str, object] = {
        person: sum(sum_ for who, _, sum_ in rows if who == person) for person in people
    }
    return posed(
        "orders.csv lists orders. Write totals.json: one JSON object with the sum of euros of each "
        "customer, the customers' names as keys and the sums as numbers.",
        effects.file_reads(
            "totals.json", lambda text: same_json(json_of(text), totals), json.dumps(totals)
        ),
        effects.unchanged({"orders.csv": table.encode()}),
        files={"orders.csv": table.encode()},
    )


def _merge(_facts: Facts, seed: int, _context: PoseContext) -> Posed:
    source = draw("l2_merge", seed)
    people = source.sample(PEOPLE, 9)
    files = {
        "lists/north.txt": "\n".join(people[:5]).encode(),
        "lists/south.txt": "\n".join(people[3:]).encode(),
    }
    to = f"{source.choice(GOODS)}@club.example"
    return posed(
        "The files north.txt and south.txt in the folder lists have a name on each line; some are "
        "in both. Write members.txt with every name once, one a line, in alphabetical order, and "
        f"send that file to {to}.",
        effects.file_is("members.txt", "\n".join(sorted(people)).encode()),
        effects.file_sent(to, "members.txt"),
        effects.sent_only_to(to),
        effects.unchanged(files),
        files=files,
    )


def _settings(_facts: Facts, seed: int, _context: PoseContext) -> Posed:
    source = draw("l2_settings", seed)
    port, wanted, cache, workers = distinct(source, 4, 1001, 9000)
    before = (
        f"# the server\n[server]\nport = {port}\nworkers = {workers % 32 + 1}\n\n"
        f"[cache]\nport = {port}\nsize = {cache}\n"
    )
    after = before.replace(f"port = {port}", f"port = {wanted}", 1)
    return posed(
        f"In app/server.ini set the port of the section [server] to {wanted}. Change nothing else "
        "in the file, comments and blank lines included.",
        effects.file_is("app/server.ini", after.encode()),
        files={"app/server.ini": before.encode()},
    )


def _report(facts: Facts, seed: int, _context: PoseContext) -> Posed:
    source = draw("l2_report", seed)
    names = source.sample(sorted(facts.cities), 2)
    first, second = (facts.cities[each] for each in names)
    to = f"{source.choice(PEOPLE).lower()}@desk.example"

    def complete(text: str) -> bool:
        said = all(
            has_words(text, each.name)
            and has_number(text, each.high_c)
            and has_number(text, each.low_c)
            for each in (first, second)
        )
        return said and plain(text).startswith("weather report") and text.lstrip().startswith("#")

    return posed(
        f"Write a file report.md: its first line is “# Weather report”, then a line for each of "
        f"{listed(names)} with today's high and low (pages {first.path} and {second.path}). Then "
        f"send the file to {to}.",
        effects.visited(first.path),
        effects.visited(second.path),
        effects.file_reads("report.md", complete, "the report asked for"),
        effects.file_sent(to, "report.md"),
        effects.sent_only_to(to),
    )


_task = partial(
    Task,
    level=Level.L2,
    task_class=TaskClass.TOOL_CHAIN,
    tools=toolsets.OFFICE,
    messages_max=24,
    context_min_n=4096,
)

TASKS = (
    _task(
        name="l2_totals",
        asks="sums by customer of a table, into a JSON file",
        checks="the file's JSON value; the table is unchanged",
        pose=_totals,
        effects=(Effect.FILE_WRITTEN,),
        language=None,
    ),
    _task(
        name="l2_merge",
        asks="two lists merged into a file, the file sent",
        checks="the file's lines; it was sent as it is; the lists are unchanged",
        pose=_merge,
        effects=(Effect.FILE_WRITTEN, Effect.FILE_SENT),
        language=None,
    ),
    _task(
        name="l2_settings",
        asks="one of two like settings of a file changed",
        checks="the file to the letter: nothing else was touched",
        pose=_settings,
        effects=(Effect.FILE_WRITTEN,),
    ),
    _task(
        name="l2_report",
        asks="a report file on two cities' weather, written and sent",
        checks="both pages were fetched; heading, names and figures; the file was sent as it is",
        pose=_report,
        effects=(Effect.FILE_WRITTEN, Effect.FILE_SENT),
    ),
)
