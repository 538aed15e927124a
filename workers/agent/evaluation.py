"""What every evaluation of a cell has in common."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from workers.agent.messages import AgentRequest, Said
from workers.engine.client import Client

EVAL_SETTINGS: dict[str, Any] = {
    "display": "none",
    "log_format": "eval",
    "log_model_api": True,
    # the server's word for each call, and a run's end as soon as it is there
    "log_buffer": 1,
    "fail_on_error": False,
    "ctl_server": False,
    "score_display": False,
}


@dataclass(frozen=True, slots=True)
class Means:
    """What an evaluation works with."""

    request: AgentRequest
    client: Client
    say: Callable[[Said], None]

    @property
    def sampling(self) -> str:
        """The sampler's parameters, JSON."""
        return json.dumps(asdict(self.request.sampling))

    def tokens_of(self, text: str) -> int:
        """Tokens of a text, counted by the server."""
        return len(self.client.tokens(text))
