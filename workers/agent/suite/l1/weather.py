"""L1 weather lookup: one page, one figure."""

from functools import partial

from workers.agent.suite import demands, effects, toolsets
from workers.agent.suite.draws import draw
from workers.agent.suite.posing import posed
from workers.agent.suite.spec import Level, PoseContext, Posed, Task, TaskClass
from workers.agent.world.facts import Facts


def _temperature(facts: Facts, seed: int, _context: PoseContext) -> Posed:
    city = facts.cities[draw("l1_temperature", seed).choice(sorted(facts.cities))]
    return posed(
        f"What is the temperature in {city.name} now? Its weather page is {city.path}. "
        "Answer with the number of degrees only.",
        effects.visited(city.path, "fetch"),
        demands.number(city.temperature_c),
    )


def _rain_tomorrow(facts: Facts, seed: int, _context: PoseContext) -> Posed:
    city = facts.cities[draw("l1_rain_tomorrow", seed).choice(sorted(facts.cities))]
    return posed(
        f"How likely is rain in {city.name} tomorrow? See {city.path}. Answer with the percentage "
        "as a number only.",
        effects.visited(city.path, "fetch"),
        demands.number(city.tomorrow.rain_pct),
    )


_task = partial(
    Task,
    level=Level.L1,
    task_class=TaskClass.WEATHER,
    tools=toolsets.OFFICE,
    messages_max=10,
    language=None,
)

TASKS = (
    _task(
        name="l1_temperature",
        asks="a city's temperature now, from its page",
        checks="the page was fetched; the number",
        pose=_temperature,
    ),
    _task(
        name="l1_rain_tomorrow",
        asks="tomorrow's chance of rain, from a page with five days",
        checks="the page was fetched; the number of the right day",
        pose=_rain_tomorrow,
    ),
)
