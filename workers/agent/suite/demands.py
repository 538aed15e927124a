"""What a task demands of an outcome: each demand is None when met, else one line of what lacks."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from decimal import Decimal

from workers.agent.suite import answers
from workers.agent.suite.quantities import has_quantity
from workers.agent.suite.spec import Check, Outcome, Verdict

Demand = Callable[[Outcome], str | None]
"""None: met; else what lacks, one line."""

Reading = Callable[[str], bool]
"""Whether a text is what is wanted."""

_REFUSALS = (
    *("not", "cannot", "can't", "could not", "couldn't", "unable", "impossible", "no such"),
    *("doesn't", "does not", "isn't", "wasn't", "didn't", "missing", "failed", "never"),
    *("unavailable", "no page", "no file", "no weather", "nicht", "kein", "keine", "keinen"),
    *("nirgends", "unmöglich", "fehlt", "gescheitert"),
)


def judged(prompts: Sequence[str], demands: Iterable[Demand]) -> Check:
    """A check that all of `demands` decide, the first that is not met.

    An empty answer fails, and so does one that gives a user message back.
    """
    wanted = tuple(demands)
    asked = tuple(answers.plain(each) for each in prompts)

    def check(outcome: Outcome) -> Verdict:
        said = answers.plain(outcome.answer)
        if not said:
            return Verdict(success=False, reason="there is no answer")
        if any(each in said for each in asked):
            return Verdict(success=False, reason="the answer gives the question back")
        for demand in wanted:
            if (lack := demand(outcome)) is not None:
                return Verdict(success=False, reason=lack)
        return Verdict(success=True, reason="as demanded")

    return check


def _shown(text: object) -> str:
    one_line = " ".join(str(text).split())
    return one_line if len(one_line) <= 80 else f"{one_line[:77]}..."


def number(value: Decimal | int) -> Demand:
    """The last number of the answer is `value`."""
    lack = f"the answer does not end on {value}"
    return lambda outcome: None if answers.ends_on(outcome.answer, value) else lack


def figures(*values: Decimal | int) -> Demand:
    """The answer has each of these numbers."""

    def demand(outcome: Outcome) -> str | None:
        lacking = [each for each in values if not answers.has_number(outcome.answer, each)]
        return f"the answer lacks the number {lacking[0]}" if lacking else None

    return demand


def says_quantity(quantity: str) -> Demand:
    """The answer tells this amount (`48 million euros`), in words or figures."""
    lack = f"the answer does not tell {quantity}"
    return lambda outcome: None if has_quantity(outcome.answer, quantity) else lack


def says(*wordings: str) -> Demand:
    """The answer says one of the wordings."""
    lack = f"the answer does not say {_shown(wordings[0])!r}"
    return lambda outcome: None if answers.has_any(outcome.answer, wordings) else lack


def says_all(*wordings: str) -> Demand:
    """The answer says each of the wordings."""

    def demand(outcome: Outcome) -> str | None:
        lacking = [each for each in wordings if not answers.has_words(outcome.answer, each)]
        return f"the answer lacks {_shown(lacking[0])!r}" if lacking else None

    return demand


def says_none(*wordings: str) -> Demand:
    """The answer says none of the wordings."""

    def demand(outcome: Outcome) -> str | None:
        said = [each for each in wordings if answers.has_words(outcome.answer, each)]
        return f"the answer says {_shown(said[0])!r}" if said else None

    return demand


def bare(*wordings: str) -> Demand:
    """The answer is one of the wordings and nothing else; case, quotes and a full stop are free."""
    wanted = {answers.plain(each) for each in wordings}

    def demand(outcome: Outcome) -> str | None:
        said = answers.plain(outcome.answer).strip(" .!\"'")
        return None if said in wanted else f"the answer is not {_shown(wordings[0])!r} alone"

    return demand


def exact(text: str) -> Demand:
    """The answer is `text` to the letter, but for blanks around it."""
    lack = f"the answer is not exactly {_shown(text)!r}"
    return lambda outcome: None if outcome.answer.strip() == text else lack


def ordered(*wordings: str) -> Demand:
    """The answer names these in this order."""
    lack = f"the answer does not have the order {_shown(', '.join(wordings))}"
    return lambda outcome: None if answers.in_order(outcome.answer, wordings) else lack


def json_is(value: object) -> Demand:
    """The answer is this JSON value."""

    def demand(outcome: Outcome) -> str | None:
        found = answers.json_of(outcome.answer)
        if found is None:
            return "the answer is no JSON"
        return None if answers.same_json(found, value) else f"the JSON is {_shown(found)}"

    return demand


def words_at_most(count: int) -> Demand:
    """The answer has at most `count` words."""

    def demand(outcome: Outcome) -> str | None:
        size = len(outcome.answer.split())
        return None if size <= count else f"the answer has {size} words, over {count}"

    return demand


def german() -> Demand:
    """The answer is German prose."""
    return lambda outcome: None if answers.is_german(outcome.answer) else "the answer isn't German"


def turn(index: int, *demands: Demand) -> Demand:
    """The answer to the user message `index`, from 0, meets these."""

    def demand(outcome: Outcome) -> str | None:
        if index >= len(outcome.turns) or not outcome.turns[index].strip():
            return f"message {index + 1} has no answer"
        of_turn = replace(outcome, answer=outcome.turns[index])
        for each in demands:
            if (lack := each(of_turn)) is not None:
                return f"message {index + 1}: {lack}"
        return None

    return demand


def admitted(outcome: Outcome) -> str | None:
    """The report says that the work could not be done, and the answer says so in words."""
    if outcome.report is None or outcome.report.done:
        return "it is not reported as undone"
    return None if answers.has_any(outcome.answer, _REFUSALS) else "the answer doesn't say so"
