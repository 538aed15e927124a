"""L2 multilingual: the German edition summed up in German, and told in English."""

from workers.agent.scoring.report import Effect
from workers.agent.suite import demands, effects, toolsets
from workers.agent.suite.answers import has_any, is_german
from workers.agent.suite.draws import PEOPLE, draw
from workers.agent.suite.posing import posed
from workers.agent.suite.quantities import has_quantity
from workers.agent.suite.spec import Level, PoseContext, Posed, Task, TaskClass
from workers.agent.world.facts import Facts

_SUMMARY_WORDS = 70


def _zusammenfassung(facts: Facts, _seed: int, _context: PoseContext) -> Posed:
    article = facts.article_de
    told = article.facts
    return posed(
        f"Auf der deutschen Startseite /de steht der Artikel „{article.title}“. Lies ihn und "
        f"fasse ihn auf Deutsch in höchstens {_SUMMARY_WORDS} Wörtern zusammen. Der Ort, die "
        "Kosten und der Name der Leiterin müssen darin stehen.",
        effects.visited(article.path),
        demands.says(told["ort"]),
        demands.says_quantity(told["kosten"]),
        demands.says(told["leiterin"], told["leiterin"].split()[-1]),
        demands.german(),
        demands.words_at_most(_SUMMARY_WORDS),
    )


def _into_english(facts: Facts, seed: int, _context: PoseContext) -> Posed:
    article = facts.article_de
    told = article.facts
    to = f"{draw('l2_de_to_english', seed).choice(PEOPLE).lower()}@abroad.example"

    def english(text: str) -> bool:
        named = has_any(text, (told["leiterin"], told["leiterin"].split()[-1]))
        return named and has_quantity(text, told["kosten"]) and not is_german(text)

    return posed(
        f"Read the German article {article.path} and send {to}, who reads English only, one or two "
        "English sentences: who leads it, and what it costs.",
        effects.visited(article.path),
        effects.text_sent(to, english, "English with name and cost"),
        effects.sent_only_to(to),
    )


TASKS = (
    Task(
        name="l2_de_summary",
        level=Level.L2,
        task_class=TaskClass.MULTILINGUAL,
        asks="an article of the German edition summed up in at most 70 words (German)",
        checks="the article was read; three facts; German; the length",
        pose=_zusammenfassung,
        tools=toolsets.OFFICE,
        messages_max=24,
        context_min_n=8192,
        language="de",
    ),
    Task(
        name="l2_de_to_english",
        level=Level.L2,
        task_class=TaskClass.MULTILINGUAL,
        asks="a German article told to somebody in English, by a message",
        checks="the article was read; the text sent is English with name and cost",
        pose=_into_english,
        tools=toolsets.OFFICE,
        effects=(Effect.TEXT_SENT,),
        messages_max=24,
        context_min_n=8192,
    ),
)
