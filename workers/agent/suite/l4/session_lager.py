"""L4 multilingual: a session of 40 messages in German about a store with three things in it."""

from workers.agent.suite.demands import bare, number, says_all
from workers.agent.suite.draws import GOODS_DE, PEOPLE, draw
from workers.agent.suite.l4.exchange import EXCHANGES, Exchange, exchange, session
from workers.agent.suite.spec import Level, PoseContext, Posed, Task, TaskClass
from workers.agent.world.facts import Facts


def _exchanges(seed: int) -> list[Exchange]:
    source = draw("session_lager", seed)
    things = source.sample(GOODS_DE, 3)
    holder, heir = source.sample(PEOPLE, 2)
    stock = {thing: source.randrange(30, 99) for thing in things}
    told = ", ".join(f"{count} {thing}" for thing, count in stock.items())
    found = [
        exchange(
            "Führe mit mir ein Lager. Antworte immer auf Deutsch und so kurz wie möglich. "
            f"Am Anfang liegen dort: {told}. Wie viele {things[0]} sind es? Nur die Zahl.",
            number(stock[things[0]]),
        ),
        exchange(f"Den Schlüssel hat {holder}. Wer hat ihn? Nur der Name.", bare(holder)),
    ]
    for place in range(2, EXCHANGES - 3):
        thing, asked = things[place % 3], things[(place * 2) % 3]
        change = source.randrange(3, 12) * (1 if source.random() < 0.5 else -1)
        stock[thing] += change
        moved = f"{abs(change)} {thing} {'kommen dazu' if change > 0 else 'gehen hinaus'}."
        if place == 9:
            moved += f" Den Schlüssel hat von jetzt an {heir}."
        found.append(
            exchange(
                f"{moved} Wie viele {asked} liegen jetzt im Lager? Nur die Zahl.",
                number(stock[asked]),
            )
        )
    most = max(things, key=lambda each: stock[each])
    return [
        *found,
        exchange("Wovon liegt am meisten im Lager? Nur das Wort.", bare(most, f"die {most}")),
        exchange("Wer hat jetzt den Schlüssel? Nur der Name.", bare(heir)),
        exchange(
            "Nenne den ganzen Bestand, jede Sache mit ihrer Zahl.",
            says_all(*things, *(str(count) for count in stock.values())),
        ),
    ]


def _pose(_facts: Facts, seed: int, _context: PoseContext) -> Posed:
    return session(_exchanges(seed))


TASKS = (
    Task(
        name="l4_session_de",
        level=Level.L4,
        task_class=TaskClass.MULTILINGUAL,
        asks="40 messages in German: a store's stock, and who has its key",
        checks="each of the 20 answers",
        pose=_pose,
        messages_max=2 * EXCHANGES,
        language="de",
        context_min_n=4096,
    ),
)
