"""A task set: its words, its files and the check over all that it demands."""

from collections.abc import Mapping, Sequence

from workers.agent.suite.demands import Demand, judged
from workers.agent.suite.spec import Posed


def posed(
    prompt: str,
    *demands: Demand,
    follow_ups: Sequence[str] = (),
    files: Mapping[str, bytes] | None = None,
    hidden: Mapping[str, bytes] | None = None,
    text_n: int = 0,
) -> Posed:
    """A task whose success is that all of `demands` are met."""
    return Posed(
        prompt=prompt,
        check=judged((prompt, *follow_ups), demands),
        follow_ups=tuple(follow_ups),
        files=files or {},
        hidden=hidden or {},
        text_n=text_n,
    )
