"""L4 long context: questions about a logbook that fills the context."""

from collections.abc import Callable
from functools import partial

from workers.agent.suite import demands
from workers.agent.suite.demands import Demand
from workers.agent.suite.l4.logbook import Evidence, evidence, logbook
from workers.agent.suite.posing import posed
from workers.agent.suite.spec import Level, PoseContext, Posed, Task, TaskClass
from workers.agent.world.facts import Facts

_Wanted = Callable[[Evidence], tuple[Demand, ...]]


def _asked(
    question: Callable[[Evidence], str], wanted: _Wanted
) -> Callable[[Facts, int, PoseContext], Posed]:
    def pose(_facts: Facts, seed: int, context: PoseContext) -> Posed:
        told, text = evidence(seed), logbook(seed, context)
        return posed(
            f"This is the logbook of a harbour.\n\n{text.text}\n\n{question(told)}",
            *wanted(told),
            text_n=text.tokens,
        )

    return pose


_task = partial(
    Task,
    level=Level.L4,
    task_class=TaskClass.LONG_CONTEXT,
    context_min_n=4096,
)

TASKS = (
    _task(
        name="l4_text_depth_10",
        asks="a key's number, told at 10 % of a text that fills the context",
        checks="the number, alone",
        pose=_asked(
            lambda _: "Which number was the spare key of the lamp room given? Reply with it only.",
            lambda told: (demands.bare(told.lamp_key),),
        ),
        language=None,
    ),
    _task(
        name="l4_text_depth_50",
        asks="a diver's fee, told at 50 % of the text",
        checks="the fee, alone",
        pose=_asked(
            lambda told: (
                f"How many crowns was the diver {told.diver} paid? Reply with the number only."
            ),
            lambda told: (demands.number(told.diver_fee), demands.words_at_most(6)),
        ),
        language=None,
    ),
    _task(
        name="l4_text_depth_90",
        asks="a bell's weight, told at 90 % of the text",
        checks="the weight, alone",
        pose=_asked(
            lambda _: "How many pounds does the new fog bell weigh? Reply with the number only.",
            lambda told: (demands.number(told.bell_weight), demands.words_at_most(6)),
        ),
        language=None,
    ),
    _task(
        name="l4_text_two_pieces",
        asks="where a captain's charts are: two pieces, at 25 and 75 %, make the answer",
        checks="the place of the second piece, not that of the first",
        pose=_asked(
            lambda told: (
                f"Where are the charts of Captain {told.captain} in the end? "
                "Reply with the place only."
            ),
            lambda told: (demands.says(told.moved_to), demands.says_none(told.shed)),
        ),
    ),
    _task(
        name="l4_text_sum",
        asks="the sum of seven landings, spread over the whole text",
        checks="the sum",
        pose=_asked(
            lambda _: (
                "How many crates of amber were landed in all? Add up every landing of the logbook. "
                "Reply with the sum only."
            ),
            lambda told: (demands.number(sum(told.amber)),),
        ),
        language=None,
    ),
    _task(
        name="l4_text_corrected",
        asks="a toll, told at 15 % and corrected at 65 %",
        checks="the corrected toll, not the first",
        pose=_asked(
            lambda _: "What is the toll for rafts, in crowns a season? Reply with the number only.",
            lambda told: (demands.number(told.toll_right), demands.words_at_most(6)),
        ),
        language=None,
    ),
    _task(
        name="l4_text_order",
        asks="three visits, at 29, 61 and 87 % of the text, in their order",
        checks="the three names in order",
        pose=_asked(
            lambda told: (
                f"The inspectors {', '.join(sorted(told.inspectors))} looked at the lighthouse "
                "lens. Name them in the order of their visits, separated by commas, nothing else."
            ),
            lambda told: (demands.bare(", ".join(told.inspectors), ",".join(told.inspectors)),),
        ),
        language=None,
    ),
    _task(
        name="l4_text_absent",
        asks="the cost of a repair that the text does not tell (it tells that of another crane)",
        checks="the agreed words for that; no figure",
        pose=_asked(
            lambda _: (
                "What did the repair of the east crane cost? If the logbook does not say, reply "
                "exactly: not stated"
            ),
            lambda _: (demands.bare("not stated"),),
        ),
    ),
)
