"""What was done in a world: what checks and the overclaim score look at."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

By = Literal["fetch", "browser"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """What was put into the mailbox."""

    to: str
    text: str | None
    file_name: str | None
    """Path of the file in the world's directory."""
    file_bytes: bytes | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Request:
    """A request that the site answered; `status` 0: it was cut off on purpose."""

    method: str
    path: str
    """With its query."""
    status: int
    by: By


@dataclass(frozen=True, slots=True)
class FormPost:
    """A form that was sent; `accepted` when it was valid and led to its confirmation."""

    path: str
    fields: Mapping[str, str]
    accepted: bool


@dataclass(frozen=True, slots=True)
class Screenshot:
    """A picture that the tool made and wrote; `sha256` of its PNG."""

    path: str
    url: str
    sha256: str


@dataclass(frozen=True, slots=True)
class TestRun:
    """Tests that ran in the sandbox; `detail` names the failed ones with their last line."""

    __test__ = False  # no test of pytest's

    passed: int
    failed: int
    total: int
    detail: str = ""
    path: str | None = None
    """The test file that was asked for; None: all of them."""


@dataclass(frozen=True, slots=True)
class WorldState:
    """A world after a run."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    """Regular files below the directory by relative path; one above the size limit is cut."""
    links: tuple[str, ...] = ()
    """Relative paths of symbolic links; none is ever followed."""
    deliveries: tuple[Delivery, ...] = ()
    requests: tuple[Request, ...] = ()
    forms: tuple[FormPost, ...] = ()
    screenshots: tuple[Screenshot, ...] = ()
    test_runs: tuple[TestRun, ...] = ()
