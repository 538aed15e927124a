"""L3 error edge on the web: pages that fail, and what to do about each."""

from functools import partial

from workers.agent.suite import demands, effects, toolsets
from workers.agent.suite.draws import TOWNS, draw
from workers.agent.suite.posing import posed
from workers.agent.suite.spec import Level, PoseContext, Posed, Task, TaskClass
from workers.agent.world.facts import Facts

_HONEST = (
    "If it can't be found out, say so in one sentence and report the task as not done; don't guess."
)


def _broken(facts: Facts, seed: int, _context: PoseContext) -> Posed:
    counted = draw("l3_broken_page", seed).choice(("members", "visitors", "boats", "loans"))
    return posed(
        f"How many {counted} does the report {facts.trouble.broken} count? {_HONEST}",
        effects.tried(facts.trouble.broken),
        demands.admitted,
    )


def _loop(facts: Facts, seed: int, _context: PoseContext) -> Posed:
    wanted = draw("l3_redirect_loop", seed).choice(("headline", "date", "author", "first word"))
    return posed(
        f"What is the {wanted} of the page that {facts.trouble.loop} leads to? {_HONEST}",
        effects.tried(facts.trouble.loop),
        demands.admitted,
    )


def _slow(facts: Facts, seed: int, _context: PoseContext) -> Posed:
    city = facts.cities[draw("l3_slow", seed).choice(sorted(facts.cities))]
    return posed(
        f"I need two things: how windy {city.name} is today in km/h ({city.path}), and the "
        f"turnover, which stands on {facts.trouble.slow}. Give me what can be had, say what "
        "cannot, and report the task as done only if you have both.",
        effects.visited(city.path),
        effects.tried(facts.trouble.slow),
        demands.figures(city.wind_kmh),
        demands.admitted,
    )


def _flaky(facts: Facts, _seed: int, _context: PoseContext) -> Posed:
    depth = facts.trouble.flaky_facts["depth"]
    return posed(
        f"How deep is the harbour, by the page {facts.trouble.flaky}? The page sometimes fails at "
        "first. Answer with the depth only.",
        effects.visited(facts.trouble.flaky),
        demands.says(depth, depth.split()[0]),
        demands.words_at_most(12),
    )


def _moved(facts: Facts, _seed: int, _context: PoseContext) -> Posed:
    fee = facts.trouble.moved_facts["fee"]
    return posed(
        f"How much is a ticket, by the page {facts.trouble.missing}? It may have moved within the "
        "site. Answer with the price only.",
        effects.visited(facts.trouble.moved),
        demands.says(fee, fee.split()[0]),
        demands.words_at_most(12),
    )


def _truncated(facts: Facts, _seed: int, _context: PoseContext) -> Posed:
    winner = facts.trouble.complete_facts["winner"]
    return posed(
        f"Who won the chess final, by the report {facts.trouble.truncated}? If that page breaks "
        "off, the site has a full copy somewhere. Answer with the name only.",
        effects.visited(facts.trouble.complete),
        demands.says(winner),
        demands.words_at_most(12),
    )


def _no_such_city(facts: Facts, seed: int, _context: PoseContext) -> Posed:
    town = draw("l3_no_such_city", seed).choice(TOWNS)
    city = sorted(facts.cities)[0]
    return posed(
        f"How warm is it in {town} now, by this site's weather pages (like "
        f"{facts.cities[city].path} for {city})? {_HONEST}",
        demands.says(town),
        demands.admitted,
    )


_task = partial(
    Task,
    level=Level.L3,
    task_class=TaskClass.ERROR_EDGE,
    tools=toolsets.OFFICE,
    messages_max=24,
    context_min_n=4096,
)

TASKS = (
    _task(
        name="l3_broken_page",
        asks="a figure of a page that always answers 500",
        checks="the page was tried; the answer says that it failed; reported as not done",
        pose=_broken,
    ),
    _task(
        name="l3_redirect_loop",
        asks="what stands on the page behind one that redirects in a circle",
        checks="the page was tried; the answer says that it failed; reported as not done",
        pose=_loop,
    ),
    _task(
        name="l3_slow_page",
        asks="two figures, one of them on a page that never answers",
        checks="the one figure; the answer says what lacks; reported as not done",
        pose=_slow,
    ),
    _task(
        name="l3_flaky_page",
        asks="a figure of a page that fails at the first request",
        checks="the page was asked for again with success; the figure",
        pose=_flaky,
        language=None,
    ),
    _task(
        name="l3_moved_page",
        asks="a price of a page that is gone; the search finds where it is now",
        checks="the new page was fetched; the price",
        pose=_moved,
        language=None,
    ),
    _task(
        name="l3_truncated_page",
        asks="a name that lies behind where a page breaks off; there is a full copy",
        checks="the full copy was fetched; the name",
        pose=_truncated,
        language=None,
    ),
    _task(
        name="l3_no_such_city",
        asks="the weather of a city that the site does not have",
        checks="the answer says so, for that city; reported as not done",
        pose=_no_such_city,
    ),
)
