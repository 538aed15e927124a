"""What is compared with what, as it is asked on the command line. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from orchestrator.axes import parse_context
from orchestrator.comparing.axes import AXES, FILTERS, axis_of, text
from orchestrator.launch_speeds import LaunchSpeeds
from warehouse.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Question:
    """What is compared with what, and on which points."""

    axis: str
    values: tuple[str, ...]
    """The first is the baseline of all others; none: all that were measured."""
    filters: tuple[tuple[str, str], ...] = ()

    def keeps(self, each: LaunchSpeeds) -> bool:
        """Whether the filters let it pass."""
        return all(text(axis_of(key, FILTERS).value(each)) == value for key, value in self.filters)

    def value(self, each: LaunchSpeeds) -> str:
        """Its value of the axis."""
        return text(axis_of(self.axis).value(each))


def parse_question(words: Sequence[str], by: str | None = None) -> Question:
    """The question in `KEY=A KEY=B [KEY=C...] [FILTER...]`; with `by` all words are filters.

    Raises:
        ConfigError: not of that form, or the key is no axis.
    """
    pairs = [_parsed(word) for word in words]
    axis = by or (pairs[0][0] if pairs else "")
    values = [] if by else [value for key, value in pairs if key == axis]
    filters = [pair for pair in pairs if by or pair[0] != axis]
    if not by and len(values) < 2:
        raise ConfigError(
            "name two values of one axis: herd compare quant=Q4_0 quant=Q8_0, or --by quant"
        )
    for value in values:
        if values.count(value) > 1:
            raise ConfigError(f"{axis}={value} twice: name each value once")
    axis_of(axis, AXES)
    for key, _ in filters:
        axis_of(key, FILTERS)
    return Question(axis, tuple(values), tuple(filters))


def values_of(question: Question, found: Iterable[LaunchSpeeds]) -> tuple[str, ...]:
    """The values to compare, the baseline first.

    Where none were named, the baseline is the value with the most launches, of equals the one
    that was measured first; the others follow by the time of their first launch.
    """
    if question.values:
        return question.values
    launches: dict[str, set[str]] = {}
    for each in sorted(found, key=lambda each: each.started_at):
        launches.setdefault(question.value(each), set()).add(each.launch_id)
    if not launches:
        return ()
    baseline = max(launches, key=lambda value: len(launches[value]))
    return (baseline, *(value for value in launches if value != baseline))


def _parsed(word: str) -> tuple[str, str]:
    key, equals, value = word.partition("=")
    if not (key and equals and value):
        raise ConfigError(f"cannot read '{word}': write KEY=VALUE")
    return key, str(parse_context(value)) if key == "context" else value
