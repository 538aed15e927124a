"""L1 web research and multilingual: a search, a page in German."""

from workers.agent.suite import demands, effects, toolsets
from workers.agent.suite.draws import draw
from workers.agent.suite.posing import posed
from workers.agent.suite.spec import Level, PoseContext, Posed, Task, TaskClass
from workers.agent.world.facts import Facts


def _search(facts: Facts, seed: int, _context: PoseContext) -> Posed:
    story = draw("l1_search", seed).choice(facts.headlines)
    return posed(
        f"Search the site for the story “{story.title}”. Answer with its path (it begins with a /) "
        "only.",
        effects.called("web_search"),
        demands.says(story.path, story.path.strip("/")),
        demands.words_at_most(6),
    )


def _wetter(facts: Facts, seed: int, _context: PoseContext) -> Posed:
    city = facts.cities[draw("l1_de_weather", seed).choice(sorted(facts.cities))]
    return posed(
        f"Wie warm wird es heute höchstens in {city.name_de}? Die Seite ist {city.path_de}. "
        "Antworte in einem kurzen deutschen Satz.",
        effects.visited(city.path_de, "fetch"),
        demands.figures(city.high_c),
        demands.german(),
        demands.words_at_most(25),
    )


TASKS = (
    Task(
        name="l1_search",
        level=Level.L1,
        task_class=TaskClass.WEB,
        asks="the path of a story, by the site's search",
        checks="a search was made; the path",
        pose=_search,
        tools=toolsets.OFFICE,
        messages_max=10,
        language=None,
    ),
    Task(
        name="l1_de_weather",
        level=Level.L1,
        task_class=TaskClass.MULTILINGUAL,
        asks="today's high from a German page (German)",
        checks="the page was fetched; the number; a German sentence of at most 25 words",
        pose=_wetter,
        tools=toolsets.OFFICE,
        messages_max=10,
        language="de",
    ),
)
