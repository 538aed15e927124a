"""The one writer of an object store: a lease that is renewed, and checked before each write."""

import random
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Protocol

from warehouse import claims
from warehouse.claims import Claim, Seen
from warehouse.errors import HeldError, WarehouseError
from warehouse.lock import Holder

_CONTESTS = 5
"""Tries against others that only try, too."""
_CONTEST_S = (0.1, 1.0)
_WAIT_S = (2.0, 4.0)


class ClaimStore(Protocol):
    """What a lease asks of a store; what was put is listed from then on."""

    def name(self, path: str = "") -> str:
        """Full name of an object, or of the root."""

    def list_times(self, folder: str) -> Mapping[str, datetime]:
        """When each object that lies right in the folder was put, by the store's clock."""

    def read(self, path: str) -> bytes | None:
        """The object; None where there is none."""

    def write(self, path: str, content: bytes | memoryview) -> None:
        """Put the object."""

    def delete(self, path: str) -> None:
        """Remove the object, if it is there."""


@contextmanager
def held_lease(
    store: ClaimStore, holder: Holder, *, wait: bool, on_wait: Callable[[Holder | None], None]
) -> Iterator["Lease"]:
    """Hold the lease of a store while the block runs.

    Args:
        store: the store.
        holder: what others are told.
        wait: whether to wait, without limit, until it is free.
        on_wait: called once before waiting, with the holder where it is known.

    Raises:
        HeldError: somebody else holds it, and `wait` is off.
        WarehouseError: the store cannot be used.
    """
    lease = Lease(store, holder)
    renewing = threading.Thread(target=lease.keep, name="lease", daemon=True)
    try:
        _acquire(lease, store.name(), wait, on_wait)
        renewing.start()
        yield lease
    finally:
        lease.stop()
        if renewing.ident:
            renewing.join()
        with suppress(WarehouseError):  # it is taken over in a while
            lease.withdraw()


def _acquire(
    lease: "Lease", name: str, wait: bool, on_wait: Callable[[Holder | None], None]
) -> None:
    tries, told = 0, False
    while rival := lease.take():
        if not rival.held and tries < _CONTESTS:
            tries += 1
            time.sleep(random.uniform(*_CONTEST_S))  # noqa: S311 # no secret
            continue
        if not wait:
            raise HeldError(claims.told(rival, name))
        if not told:
            on_wait(rival.claim.holder if rival.claim else None)
            told = True
        time.sleep(random.uniform(*_WAIT_S))  # noqa: S311


class Lease:
    """A claim of ours, and until when it is good."""

    def __init__(self, store: ClaimStore, holder: Holder) -> None:
        self._store = store
        self._claim = Claim(secrets.token_hex(8), holder, held=False, realm=_realm())
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._valid_until_s = 0.0
        self._lost = False

    def take(self) -> Seen | None:
        """Try to become the holder.

        Returns:
            Who stands in the way; None if it is ours.
        """
        began_s = _now_s()
        self._put(held=False)
        others = self._others()
        left = [each for each in others or () if claims.is_left(each, self._claim.realm, _alive)]
        for each in left:
            self._store.delete(claims.path_of(each.token))
        if left:
            others = self._others()  # one that was not dead has renewed its claim meanwhile
        if others is None or others:
            self.withdraw()
            return claims.rival_of(others or ()) or Seen(self._claim.token, 0.0, None)
        self._put(held=True)
        self._valid_until_s = began_s + claims.VALID_S
        return None

    def keep(self) -> None:
        """Renew it again and again, until told to stop."""
        while not self._stopped.wait(claims.RENEW_S):
            with suppress(WarehouseError):  # an outage may pass: `ensure` decides
                self.renew()

    def stop(self) -> None:
        """End `keep`."""
        self._stopped.set()

    def renew(self) -> None:
        """Make it good for a while from now, if it is ours still."""
        with self._lock:
            began_s = _now_s()
            expired = began_s >= self._valid_until_s
            if self._lost or self._others() is None:
                self._lost = True
                return
            self._put(held=True)
            # What has expired must be won anew: whoever came meanwhile may have it.
            others = self._others()
            self._lost = others is None or any(each.held for each in others)
            if not self._lost and not (expired and others):
                self._valid_until_s = began_s + claims.VALID_S

    def ensure(self) -> None:
        """See that it is good now.

        Raises:
            HeldError: it went to another, as this process was out of reach for too long.
            WarehouseError: the store cannot be used.
        """
        tries = 0
        while not self._good() and not self._lost and tries < _CONTESTS:
            if tries:
                time.sleep(random.uniform(*_CONTEST_S))  # noqa: S311
            self.renew()
            tries += 1
        if not self._good():
            raise HeldError(
                f"{self._store.name()} was taken over by another process while this one was out of "
                "reach: run the same command again when that one has ended"
            )

    def _good(self) -> bool:
        return not self._lost and _now_s() < self._valid_until_s

    def withdraw(self) -> None:
        """Take our claim away."""
        self._store.delete(self._claim.path)

    def _put(self, *, held: bool) -> None:
        self._claim = replace(self._claim, held=held)
        self._store.write(self._claim.path, self._claim.to_json())

    def _others(self) -> list[Seen] | None:
        """All claims but ours; None if ours is gone."""
        times = dict(self._store.list_times(claims.FOLDER))
        now = times.pop(self._claim.name, None)
        if now is None:
            return None
        return [self._seen(name, now, written_at) for name, written_at in times.items()]

    def _seen(self, name: str, now: datetime, written_at: datetime) -> Seen:
        token = name.removesuffix(claims.SUFFIX)
        content = self._store.read(claims.path_of(token))
        claim = claims.parse_claim(token, content) if content else None
        return Seen(token, (now - written_at).total_seconds(), claim)


def _now_s() -> float:
    # The clock that goes on while the host sleeps.
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _realm() -> str:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"


def _alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()
