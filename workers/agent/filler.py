"""Filler before the tasks of a cell: put into the slot once, and back before each run.

Its tokens are those with which every prompt of the cell begins: the tools, what the agent is
told, the filler at the end of that, and the head of the user's message. They are evaluated alone
and saved, so that models whose state cannot be wound back go on from there too. Whether a
restored slot can be gone on from, only a request tells: where it cannot, each run's filler is
evaluated anew. Proof is `cache_n` of each run's first answer.
"""

from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any

from inspect_ai.model import Model
from inspect_ai.tool import Tool, ToolDef, ToolInfo

from workers.agent.evaluation import Means
from workers.agent.finish import FinishTool
from workers.agent.words import FILLER_HEAD, filler_sentence
from workers.engine.client import Client

_FILE = "agent-filler"
_TWO_USERS = ("Who sings?", "7 of them.")
"""Two messages that differ from their first token on."""
_SLACK = 4
"""Tokens of the common beginning that may be processed again: where words meet the head."""


class Filler:
    """The filler of a cell, in slot 0.

    Attributes:
        text: What the system message ends with.
        tokens: Least `cache_n` of a first answer behind it.
        how: `restored`, or `refilled` where restoring brings nothing back.
    """

    def __init__(self, client: Client, text: str, prefix: Sequence[int], seed: int) -> None:
        self.text = text
        self.tokens = len(prefix) - _SLACK
        self.how = "restored"
        self._client = client
        self._prefix = tuple(prefix)
        self._seed = seed

    @classmethod
    def fill(cls, means: Means, model: Model, system: str, tools: Sequence[Tool]) -> "Filler":
        """Evaluate the filler and save it; find out whether restoring helps."""
        text = FILLER_HEAD + filler_text(means, means.request.filler_depth)
        prompts = [
            means.client.tokens(
                means.client.prompt_of(_conversation(means, model, system + text, user, tools)),
                special=True,
            )
            for user in _TWO_USERS
        ]
        prefix = common_beginning(*prompts)
        filler = cls(means.client, text, prefix, means.request.seed)
        filler._refill()
        means.client.save(_FILE)
        means.client.restore(_FILE)
        probe = means.client.complete(
            prompts[0], n_predict=1, cache_prompt=True, seed=means.request.seed
        )
        if (probe.answer.timings.cache_n or 0) < filler.tokens:
            filler.how = "refilled"
        return filler

    def ready(self) -> None:
        """Put it into the slot, before a run."""
        if self.how == "restored":
            self._client.restore(_FILE)
        else:
            self._refill()

    def _refill(self) -> None:
        self._client.erase()
        self._client.complete(self._prefix, n_predict=0, cache_prompt=True, seed=self._seed)


def common_beginning(one: Sequence[int], other: Sequence[int]) -> list[int]:
    """The tokens with which both begin."""
    pairs = zip(one, other, strict=False)
    return [a for a, _ in takewhile(lambda pair: pair[0] == pair[1], pairs)]


def filler_text(means: Means, depth: int) -> str:
    """Sentences of `depth` tokens together, to the sentence."""
    sample = " ".join(map(filler_sentence, range(64)))
    each = means.tokens_of(sample) / 64
    number = max(1, round(depth / each))
    text = " ".join(map(filler_sentence, range(number)))
    while (short := depth - means.tokens_of(text)) > 0:
        more = range(number, number := number + max(1, int(short / each)))
        text = " ".join([text, *map(filler_sentence, more)])
    return text


def _conversation(
    means: Means, model: Model, system: str, user: str, tools: Sequence[Tool]
) -> Mapping[str, Any]:
    """What the first request of a run is, as far as the template sees it."""
    messages = [{"role": "system", "content": system}, {"role": "user", "content": user}]
    found: dict[str, Any] = {"messages": messages}
    if tools:
        infos = [*map(_info, map(ToolDef, tools)), _info(FinishTool().definition())]
        found["tools"] = model.api.tools_to_openai(infos)  # type: ignore[attr-defined]
    if means.request.thinking != "model":
        found["chat_template_kwargs"] = {"enable_thinking": means.request.thinking == "on"}
    return found


def _info(definition: ToolDef) -> ToolInfo:
    return ToolInfo(
        name=definition.name,
        description=definition.description,
        parameters=definition.parameters,
    )
