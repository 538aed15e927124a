"""What the workload says to the process of an agent cell, and what that says back, in JSON."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, get_type_hints

from warehouse import rows

_TABLES: Mapping[str, type[rows.Row]] = {
    table.TABLE: table for table in (rows.AgentRun, rows.AgentTurn, rows.ToolCall)
}


@dataclass(frozen=True, slots=True)
class Sampling:
    """Every parameter of the sampler, as it is sent."""

    temperature: float
    top_k: int
    top_p: float
    min_p: float
    repeat_penalty: float
    presence_penalty: float


@dataclass(frozen=True, slots=True)
class AgentRequest:
    """What the process is to do. Comes through its standard input, for the key is in it."""

    cell_id: str
    attempt: int
    base_url: str
    api_key: str
    request_timeout_s: float
    context: int
    """Tokens that fit a slot."""
    folder: str
    """Private, of this cell."""
    suite: str
    suite_version: str | None
    level: str
    tasks: tuple[str, ...]
    tries: int
    seed: int
    variants: int
    sampling: Sampling
    thinking: str
    thinking_budget: int | None
    sessions: int
    filler_depth: int
    messages: int | None
    turn_tokens: int
    time_s: float
    live: bool
    live_search: str | None

    def encoded(self) -> bytes:
        """As JSON."""
        return json.dumps(asdict(self)).encode()


def request_of(text: bytes) -> AgentRequest:
    """The request in what `AgentRequest.encoded` wrote."""
    values: dict[str, Any] = json.loads(text)
    values["sampling"] = Sampling(**values["sampling"])
    values["tasks"] = tuple(values["tasks"])
    return AgentRequest(**values)


LOST = "lost"
"""Of `Stopped.kind`: the connection to the server broke; why, the server's log tells."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """The process cannot go on."""

    kind: str
    """A failure class, or `LOST`."""
    reason: str


@dataclass(frozen=True, slots=True)
class Finished:
    """All runs are over."""

    log: str | None
    """Inspect's log, a path; None: nothing ran."""


Said = rows.Row | Stopped | Finished


def line_of(said: Said) -> bytes:
    """A line of what the process says."""
    if isinstance(said, rows.Row):
        found: dict[str, Any] = {"table": said.TABLE, "row": asdict(said)}
    elif isinstance(said, Stopped):
        found = {"stopped": asdict(said)}
    else:
        found = {"finished": asdict(said)}
    return json.dumps(found, default=datetime.isoformat).encode() + b"\n"


def said_in(line: bytes) -> Said:
    """What `line_of` wrote."""
    found: dict[str, Any] = json.loads(line)
    if "stopped" in found:
        return Stopped(**found["stopped"])
    if "finished" in found:
        return Finished(**found["finished"])
    table = _TABLES[found["table"]]
    return table(**{k: _value(table, k, v) for k, v in found["row"].items()})


def _value(table: type[rows.Row], name: str, value: Any) -> Any:
    return datetime.fromisoformat(value) if value and name in _moments(table) else value


def _moments(table: type[rows.Row]) -> frozenset[str]:
    """Columns that hold a time."""
    hints = get_type_hints(table)
    return frozenset(f.name for f in fields(table) if hints[f.name] is datetime)
