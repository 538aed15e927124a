"""L4 reasoning: a session of 40 messages that keeps a running total, with corrections."""

from workers.agent.suite.demands import number
from workers.agent.suite.draws import GOODS, draw
from workers.agent.suite.l4.exchange import EXCHANGES, Exchange, exchange, session
from workers.agent.suite.spec import Level, PoseContext, Posed, Task, TaskClass
from workers.agent.world.facts import Facts

_CORRECTED = (6, 12, 17)
"""Messages that correct the entry two before."""


def _exchanges(seed: int) -> list[Exchange]:
    source = draw("session_cash", seed)
    balance = source.randrange(200, 700)
    found = [
        exchange(
            "Keep a cash book with me. Each message is an entry; answer with the new balance as a "
            f"number only. The balance at the start is {balance} euros. What is the balance?",
            number(balance),
        )
    ]
    amounts = [0]
    for place in range(1, EXCHANGES):
        amount = source.randrange(6, 95) * source.choice((1, -1))
        if place in _CORRECTED:
            old = amounts[place - 2]
            new = old + source.randrange(2, 5) * (1 if old > 0 else -1)
            says = f"The entry before the last one was wrong: not {abs(old)} but {abs(new)} euros."
            amount = new - old
            amounts[place - 2] = new
        else:
            thing = source.choice(GOODS)
            says = (
                f"We sold {thing} for {amount} euros."
                if amount > 0
                else f"We paid {-amount} euros for {thing}."
            )
        amounts.append(amount)
        balance += amount
        found.append(exchange(f"{says} Balance?", number(balance)))
    return found


def _pose(_facts: Facts, seed: int, _context: PoseContext) -> Posed:
    return session(_exchanges(seed))


TASKS = (
    Task(
        name="l4_session_cash",
        level=Level.L4,
        task_class=TaskClass.REASONING,
        asks="40 messages: a cash book's running balance, three entries corrected later",
        checks="each of the 20 balances",
        pose=_pose,
        messages_max=2 * EXCHANGES,
        language=None,
        context_min_n=4096,
    ),
)
