"""L2 weather lookup: cities compared, what follows from it sent or written."""

from functools import partial

from workers.agent.scoring.report import Effect
from workers.agent.suite import demands, effects, toolsets
from workers.agent.suite.answers import has_any, has_number, plain
from workers.agent.suite.draws import PEOPLE, draw, listed
from workers.agent.suite.posing import posed
from workers.agent.suite.spec import Level, PoseContext, Posed, Task, TaskClass
from workers.agent.world.facts import WEATHER_PATH, Facts


def _warmest(facts: Facts, seed: int, _context: PoseContext) -> Posed:
    names = draw("l2_warmest", seed).sample(sorted(facts.cities), 5)
    cities = [facts.cities[each] for each in names]
    warmest = max(cities, key=lambda each: each.high_c)
    return posed(
        f"Which of {listed(names)} has the highest temperature today (the day's high)? The weather "
        f"pages are named like {cities[0].path}. Answer with the city's name only.",
        effects.looked_at((each.path for each in cities), WEATHER_PATH),
        demands.bare(warmest.name),
    )


def _ranking(facts: Facts, _seed: int, _context: PoseContext) -> Posed:
    cities = sorted(facts.cities.values(), key=lambda each: each.humidity_pct, reverse=True)
    wanted = [plain(each.name) for each in cities]
    alphabetical = sorted(facts.cities)

    def ranked(text: str) -> bool:
        lines = [plain(each) for each in text.splitlines() if each.strip()]
        return len(lines) == len(wanted) and all(map(str.__contains__, lines, wanted))

    return posed(
        f"Look at the weather of ten cities: {listed(alphabetical)}. Write a file air.txt with "
        "the ten names, one a line, the city with the highest humidity today first. The pages are "
        f"named like {facts.cities[alphabetical[0]].path}.",
        *(effects.visited(each.path) for each in cities),
        effects.file_reads("air.txt", ranked, "the ten cities by humidity"),
    )


def _picnic(facts: Facts, seed: int, _context: PoseContext) -> Posed:
    source = draw("l2_picnic", seed)
    names = source.sample(sorted(facts.cities), 3)
    driest = min((facts.cities[each] for each in names), key=lambda each: each.humidity_pct)
    others = [each for each in names if each != driest.name]
    to = f"{source.choice(PEOPLE).lower()}@picnic.example"

    def advised(text: str) -> bool:
        right = has_any(text, (driest.name,)) and has_number(text, driest.humidity_pct)
        return right and not has_any(text, others)

    return posed(
        f"Which of {listed(names)} has the lowest humidity today? Their pages are named like "
        f"{facts.cities[names[0]].path}. Send a short message to {to} that names this city alone, "
        "with its humidity in percent.",
        *(effects.visited(facts.cities[each].path) for each in names),
        effects.text_sent(to, advised, f"about {driest.name} alone"),
        effects.sent_only_to(to),
    )


_task = partial(
    Task,
    level=Level.L2,
    task_class=TaskClass.WEATHER,
    tools=toolsets.OFFICE,
    messages_max=40,
    context_min_n=8192,
)

TASKS = (
    _task(
        name="l2_warmest",
        asks="the warmest of five cities",
        checks="their pages, or the list of all, were fetched; the city alone",
        pose=_warmest,
        language=None,
    ),
    _task(
        name="l2_humidity_ranking",
        asks="ten cities by humidity, into a file",
        checks="ten pages were fetched; ten lines in the right order",
        pose=_ranking,
        effects=(Effect.FILE_WRITTEN,),
        language=None,
    ),
    _task(
        name="l2_picnic",
        asks="the driest of three cities, sent with its humidity",
        checks="three pages were fetched; the text sent has city and number, no other city",
        pose=_picnic,
        effects=(Effect.TEXT_SENT,),
    ),
)
