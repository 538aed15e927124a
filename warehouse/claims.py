"""Who may write where no kernel holds a lock: decisions on the claims that lie in a store. Pure.

A contender puts down a claim of its own, then lists all: it has the lease only if no other is
there that counts. Of two contenders the one that lists last sees the other, whatever their
clocks say; so never do both take it. This needs no more of a store than that what is written is
listed from then on: no conditional writes, which Arrow's file system cannot ask for.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from warehouse.lock import Holder, holder_json, parse_holder

FOLDER = "lease"
SUFFIX = ".json"
RENEW_S = 15.0
"""How often a holder renews its claim."""
VALID_S = 60.0
"""How long it may write after its latest renewal began, by its own clock."""
TAKE_OVER_S = 180.0
"""Age at which others take a claim for left behind, by the store's clock. What is between these
two is more than a request takes (`object_uri`: three attempts, each ended by a short silence)."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What lies in the store."""

    token: str
    """The contender's own; names the object."""
    holder: Holder
    held: bool
    """Whether it has the lease, or only tries."""
    realm: str
    """Kernel and process-id namespace in which the holder's pid means something."""

    @property
    def name(self) -> str:
        """Name of its object."""
        return f"{self.token}{SUFFIX}"

    @property
    def path(self) -> str:
        """Where it lies."""
        return path_of(self.token)

    def to_json(self) -> bytes:
        """The object's content."""
        raw = {"held": self.held, "realm": self.realm, "holder": holder_json(self.holder)}
        return json.dumps(raw).encode()


@dataclass(frozen=True, slots=True)
class Seen:
    """Another's claim as listed."""

    token: str
    age_s: float
    """Since it was put down or renewed, by the store's clock."""
    claim: Claim | None
    """None where it went before it was read, or is damaged."""

    @property
    def held(self) -> bool:
        """Whether it is the holder's, as far as it says."""
        return self.claim is not None and self.claim.held


def path_of(token: str) -> str:
    """Where a contender's claim lies."""
    return f"{FOLDER}/{token}{SUFFIX}"


def parse_claim(token: str, content: bytes) -> Claim | None:
    """The claim in an object; None if herd did not write it."""
    try:
        raw = json.loads(content)
        holder = parse_holder(raw["holder"])
        return Claim(token, holder, bool(raw["held"]), str(raw["realm"]))
    except (ValueError, KeyError, TypeError):
        return None


def is_left(seen: Seen, realm: str, alive: Callable[[int], bool]) -> bool:
    """Whether nobody stands behind a claim any more.

    Args:
        seen: another's claim.
        realm: where `alive` knows processes.
        alive: whether a process of that id is there.
    """
    if seen.claim and seen.claim.realm == realm and not alive(seen.claim.holder.pid):
        return True
    return seen.age_s > TAKE_OVER_S


def rival_of(seen: Iterable[Seen]) -> Seen | None:
    """Whom to name: who holds the lease, else one that tries as well."""
    return min(seen, key=lambda each: (not each.held, each.token), default=None)


def told(rival: Seen, name: str) -> str:
    """The answer to a contender that will not wait."""
    who = rival.claim.holder if rival.claim else "another process"
    return (
        f"{name} is held by {who}, last heard of {max(rival.age_s, 0):.0f} s ago: stop it, or wait "
        f"with --wait; one that is gone is taken over after {TAKE_OVER_S:.0f} s"
    )
