"""L4 reasoning: a session of 40 messages; facts told early are asked late, some are corrected."""

from workers.agent.suite.demands import bare, number, says, says_all, says_none, words_at_most
from workers.agent.suite.draws import DAYS, PEOPLE, TOWNS, code, draw, word
from workers.agent.suite.l4.exchange import EXCHANGES, Exchange, exchange, session
from workers.agent.suite.spec import Level, PoseContext, Posed, Task, TaskClass
from workers.agent.world.facts import Facts

_OK = (says("ok", "okay"), words_at_most(12))


def _exchanges(seed: int) -> list[Exchange]:
    source = draw("session_facts", seed)
    dog = word(source).capitalize()
    sister, brother, friend, doctor = source.sample(PEOPLE, 4)
    here, there, moved = source.sample(TOWNS, 3)
    locker, changed = code(source), code(source)
    day = source.randrange(6)
    price, nights = source.randrange(41, 130), source.randrange(3, 9)
    return [
        exchange(
            "I will tell you some things and ask about them later. Keep every answer short. "
            f"My dog is called {dog}. Reply OK.",
            *_OK,
        ),
        exchange(f"The code of my locker is {locker}. Reply OK.", *_OK),
        exchange("What is 17 plus 25? The number only.", number(42)),
        exchange(
            f"My sister {sister} lives in {here}, my brother {brother} in {there}. Reply OK.", *_OK
        ),
        exchange(f"Who lives in {there}? The name only.", bare(brother)),
        exchange(
            f"I meet my friend {friend} on {DAYS[day]} at half past two, after lunch. Reply OK.",
            *_OK,
        ),
        exchange(
            "Which is heavier, a kilogram of iron or 900 grams of feathers? One word.",
            bare("iron", "the iron"),
        ),
        exchange(f"News: {brother} has moved to {moved}. Reply OK.", *_OK),
        exchange(
            f"My room costs {price} euros a night and I stay {nights} nights. Reply OK.", *_OK
        ),
        exchange("What is my dog called? The name only.", bare(dog)),
        exchange("The meeting with my friend moves to the next day, same time. Reply OK.", *_OK),
        exchange("How many siblings did I tell you about? The number only.", bare("2", "two")),
        exchange(f"My locker has a new code: {changed}. Forget the old one. Reply OK.", *_OK),
        exchange("In which town does my brother live now? The name only.", bare(moved)),
        exchange("On which day do I meet my friend? The day only.", bare(DAYS[day + 1])),
        exchange("At what time? HH:MM, 24 hours, only.", bare("14:30", f"{DAYS[day + 1]} 14:30")),
        exchange(
            "What does my stay cost in all, in euros? The number only.", number(price * nights)
        ),
        exchange(f"Did I tell you where Doctor {doctor} works? Yes or no only.", bare("no")),
        exchange(
            f"What is the code of my locker, and where does {sister} live? The code and the town.",
            says_all(changed, here),
            says_none(locker),
        ),
        exchange(
            "Sum up: my dog's name, my brother's town, my friend's name, the day that we meet.",
            says_all(dog, moved, friend, DAYS[day + 1]),
            says_none(there),
        ),
    ]


def _pose(_facts: Facts, seed: int, _context: PoseContext) -> Posed:
    return session(_exchanges(seed))


TASKS = (
    Task(
        name="l4_session_facts",
        level=Level.L4,
        task_class=TaskClass.REASONING,
        asks="40 messages: facts told early, asked late, four of them changed on the way",
        checks="each of the 20 answers; what was replaced must not come back",
        pose=_pose,
        messages_max=2 * EXCHANGES,
        context_min_n=4096,
    ),
)
