"""L2 web research: an article summed up, a question with a follow-up, a person written to."""

from workers.agent.scoring.report import Effect
from workers.agent.suite import demands, effects, toolsets
from workers.agent.suite.answers import has_words
from workers.agent.suite.draws import draw
from workers.agent.suite.posing import posed
from workers.agent.suite.spec import Level, Need, PoseContext, Posed, Task, TaskClass
from workers.agent.world.facts import Facts

_SUMMARY_WORDS = 90
_LATER = (
    "There is a later report on it. By that report, what does the repair cost, and who gave the "
    "money? One sentence."
)


def _summary(facts: Facts, _seed: int, _context: PoseContext) -> Posed:
    article = facts.articles[0]
    told = article.facts
    return posed(
        "Open the front page / in the browser, take a snapshot, and find the article "
        f"“{article.title}”. Read the whole article and sum it up in at most {_SUMMARY_WORDS} "
        "words. Who the engineer is, what it costs and how long it is must be in the summary.",
        effects.visited("/", "browser"),
        effects.visited(article.path),
        demands.says(told["engineer"], told["engineer"].split()[-1]),
        demands.says_quantity(told["cost"]),
        demands.says_quantity(told["length"]),
        demands.words_at_most(_SUMMARY_WORDS),
    )


def _follow_up(facts: Facts, _seed: int, _context: PoseContext) -> Posed:
    article = facts.articles[1]
    later = article.follow_up
    if later is None:
        raise ValueError(f"{article.path} has no follow-up")
    return posed(
        f"Find the article “{article.title}” on the site. Who is its director? The name only.",
        demands.turn(0, demands.says(article.facts["director"], _last(article.facts["director"]))),
        effects.visited(article.path),
        effects.visited(later.path),
        demands.turn(
            1,
            demands.says_quantity(later.facts["repair_cost"]),
            demands.says(later.facts["donor"], _last(later.facts["donor"])),
        ),
        follow_ups=(_LATER,),
    )


def _last(name: str) -> str:
    return name.split()[-1]


def _head_of(facts: Facts, seed: int, _context: PoseContext) -> Posed:
    heads = [each for each in facts.staff if each.role.startswith("Head")]
    head = draw("l2_head_of", seed).choice(heads)
    others = [each.office for each in facts.staff if each.office != head.office]
    return posed(
        f"The site has a staff directory. Find who is {head.role} ({head.department}) and send "
        "that person, at the e-mail address given there, one sentence that names their office.",
        effects.text_sent(
            head.email, lambda text: has_words(text, head.office), f"with the office {head.office}"
        ),
        effects.text_sent(
            head.email,
            lambda text: not any(has_words(text, each) for each in others),
            "about that office alone",
        ),
        effects.sent_only_to(head.email),
    )


TASKS = (
    Task(
        name="l2_summary",
        level=Level.L2,
        task_class=TaskClass.WEB,
        asks="front page, snapshot, article, a summary of at most 90 words",
        checks="the browser was at the front page; the article was read; three facts; the length",
        pose=_summary,
        tools=toolsets.BROWSING,
        effects=(Effect.PAGE_VISITED,),
        needs=frozenset({Need.BROWSER}),
        messages_max=24,
        context_min_n=8192,
    ),
    Task(
        name="l2_follow_up",
        level=Level.L2,
        task_class=TaskClass.WEB,
        asks="an article's director; then, in a second message, figures of a later report",
        checks="both pages were read; the name; then the sum and the donor",
        pose=_follow_up,
        tools=toolsets.OFFICE,
        messages_max=30,
        context_min_n=8192,
    ),
    Task(
        name="l2_head_of",
        level=Level.L2,
        task_class=TaskClass.WEB,
        asks="a head of department looked up and written to",
        checks="the text went to that person's address alone and names the right office",
        pose=_head_of,
        tools=toolsets.OFFICE,
        effects=(Effect.TEXT_SENT,),
        messages_max=24,
        context_min_n=4096,
    ),
)
