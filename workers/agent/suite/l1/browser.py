"""L1 browser automation: a page opened, read, clicked on, typed into, pictured."""

from functools import partial

from workers.agent.scoring.report import Effect
from workers.agent.suite import demands, effects, toolsets
from workers.agent.suite.draws import draw
from workers.agent.suite.posing import posed
from workers.agent.suite.spec import Level, Need, Outcome, PoseContext, Posed, Task, TaskClass
from workers.agent.world.facts import Facts


def _open(facts: Facts, seed: int, _context: PoseContext) -> Posed:
    story = draw("l1_navigate", seed).choice(facts.headlines)
    return posed(
        f"Open {story.path} in the browser. Answer with the headline of the page only.",
        effects.visited(story.path, "browser"),
        demands.says(story.title),
        demands.words_at_most(len(story.title.split()) + 6),
    )


def _snapshot(facts: Facts, seed: int, _context: PoseContext) -> Posed:
    story = draw("l1_snapshot", seed).choice(facts.headlines)
    return posed(
        f"Open {story.path} in the browser and take a snapshot of the page. Who wrote the story? "
        "Answer with the name only.",
        effects.visited(story.path, "browser"),
        effects.called("snapshot"),
        demands.bare(story.author, f"by {story.author}"),
    )


def _click(facts: Facts, seed: int, _context: PoseContext) -> Posed:
    story = draw("l1_click", seed).choice(facts.headlines)
    return posed(
        f"Open the front page / in the browser and click on the headline “{story.title}”. Who "
        "wrote that story? Answer with the name only.",
        effects.visited("/", "browser"),
        effects.called("click"),
        effects.visited(story.path, "browser"),
        demands.bare(story.author, f"by {story.author}"),
    )


def _searched(word: str) -> demands.Demand:
    def demand(outcome: Outcome) -> str | None:
        seen = any(
            each.by == "browser" and "?" in each.path and word.casefold() in each.path.casefold()
            for each in outcome.state.requests
        )
        return None if seen else f"the browser did not search for {word}"

    return demand


def _type(facts: Facts, seed: int, _context: PoseContext) -> Posed:
    names = sorted(facts.cities)
    city = facts.cities[draw("l1_type", seed).choice(names)]
    return posed(
        f"Open /search in the browser, type {city.name} into its search field and press Enter. Is "
        f"there a link to the weather of {city.name} among the results? Answer yes or no.",
        effects.called("type"),
        _searched(city.name.split()[0]),
        demands.bare("yes"),
    )


def _screenshot(facts: Facts, seed: int, _context: PoseContext) -> Posed:
    city = facts.cities[draw("l1_screenshot", seed).choice(sorted(facts.cities))]
    return posed(
        f"Make a screenshot of the page {city.path} and save it as {city.slug}.png.",
        effects.shot(f"{city.slug}.png", city.path),
    )


_task = partial(
    Task,
    level=Level.L1,
    task_class=TaskClass.BROWSER,
    tools=toolsets.BROWSING,
    needs=frozenset({Need.BROWSER}),
    messages_max=14,
)

TASKS = (
    _task(
        name="l1_navigate",
        asks="a page's headline, by the browser",
        checks="the browser opened the page; the headline",
        pose=_open,
        effects=(Effect.PAGE_VISITED,),
    ),
    _task(
        name="l1_snapshot",
        asks="who wrote a story, by a snapshot of its page",
        checks="the browser opened the page; a snapshot was taken; the name alone",
        pose=_snapshot,
        effects=(Effect.PAGE_VISITED,),
        language=None,
    ),
    _task(
        name="l1_click",
        asks="a headline of the front page clicked; who wrote the story",
        checks="the browser came to the story by a click; the name alone",
        pose=_click,
        effects=(Effect.PAGE_VISITED,),
        language=None,
    ),
    _task(
        name="l1_type",
        asks="a city typed into the search field",
        checks="the browser asked the site's search for it; yes",
        pose=_type,
        effects=(Effect.PAGE_VISITED,),
    ),
    _task(
        name="l1_screenshot",
        asks="a screenshot of a weather page under a given name",
        checks="the browser made that file of that page, and it is there",
        pose=_screenshot,
        effects=(Effect.SCREENSHOT_TAKEN,),
    ),
)
