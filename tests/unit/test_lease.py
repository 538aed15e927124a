"""Who writes to an object store, in every order in which two contenders' requests can arrive."""

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations

import pytest

from tests.warehouse_samples import START
from warehouse import claims, lease
from warehouse.claims import Claim, Seen, is_left, parse_claim, path_of, rival_of
from warehouse.errors import HeldError, WarehouseError
from warehouse.lease import Lease, held_lease
from warehouse.lock import Holder


class Clock:
    """Time of the store and of both contenders."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


class MemoryStore:
    """Objects with times; what was put is listed from then on, as in a real store."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.objects: dict[str, tuple[bytes, float]] = {}
        self.broken = False
        self.before: Callable[[], None] = lambda: None

    def name(self, path: str = "") -> str:
        return f"s3://bench/{path}"

    def _ask(self) -> None:
        self.before()
        if self.broken:
            raise WarehouseError("the object store does not answer")

    def list_times(self, folder: str) -> Mapping[str, datetime]:
        self._ask()
        return {
            path.removeprefix(f"{folder}/"): datetime.fromtimestamp(put_s, UTC)
            for path, (_, put_s) in self.objects.items()
        }

    def read(self, path: str) -> bytes | None:
        self._ask()
        return self.objects[path][0] if path in self.objects else None

    def write(self, path: str, content: bytes | memoryview) -> None:
        self._ask()
        self.objects[path] = (bytes(content), self._clock.now_s)

    def delete(self, path: str) -> None:
        self._ask()
        self.objects.pop(path, None)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(lease, "_now_s", made)
    return made


@pytest.fixture
def store(clock: Clock) -> MemoryStore:
    return MemoryStore(clock)


def me(what: str) -> Holder:
    return Holder(os.getpid(), "alpha", what, START)


def good(held: Lease) -> bool:
    try:
        held.ensure()
    except HeldError:
        return False
    return True


class Turns:
    """Lets the threads of two contenders make one request at a time, in a given order."""

    def __init__(self, order: Sequence[int]) -> None:
        self._order = list(order)
        self._ended: set[int] = set()
        self._changed = threading.Condition()
        self._who = threading.local()

    def run(self, *works: Callable[[], object]) -> list[object]:
        answers: list[object] = [None] * len(works)

        def work(number: int) -> None:
            self._who.number = number
            answers[number] = works[number]()
            with self._changed:
                self._ended.add(number)
                self._changed.notify_all()

        threads = [threading.Thread(target=work, args=(n,)) for n in range(len(works))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
            assert not thread.is_alive()
        return answers

    def wait(self) -> None:
        """Before a request: until it is this thread's turn, or no order is left."""
        number = self._who.number
        with self._changed:
            while self._order and self._order[0] != number:
                if self._order[0] in self._ended:
                    self._order.pop(0)
                    continue
                assert self._changed.wait(10)
            if self._order:
                self._order.pop(0)
            self._changed.notify_all()


def orders(requests: int) -> Iterator[tuple[int, ...]]:
    """All ways to merge as many requests of two contenders."""
    for mine in combinations(range(2 * requests), requests):
        yield tuple(int(place not in mine) for place in range(2 * requests))


def test_of_two_that_start_at_once_at_most_one_gets_it(clock: Clock) -> None:
    taken = []
    for order in orders(6):
        store = MemoryStore(clock)
        first, second = Lease(store, me("first")), Lease(store, me("second"))
        turns = Turns(order)
        store.before = turns.wait
        rivals = turns.run(first.take, second.take)
        taken.append(sum(rival is None for rival in rivals))
    assert max(taken) == 1
    assert taken.count(1) > 10  # one after the other


def test_a_holder_that_comes_back_and_who_takes_over_are_never_two(clock: Clock) -> None:
    ends = []
    for order in orders(6):
        store = MemoryStore(clock)
        first, second = Lease(store, me("first")), Lease(store, me("second"))
        assert first.take() is None
        clock.now_s += claims.TAKE_OVER_S + 1
        turns = Turns(order)
        store.before = turns.wait
        _, rival = turns.run(first.renew, second.take)
        store.before = lambda: None
        ends.append((first._good(), rival is None))
    assert (True, True) not in ends
    assert {(True, False), (False, True)} <= set(ends)


def test_the_second_is_told_who_writes(store: MemoryStore, clock: Clock) -> None:
    with held_lease(store, me("nightly"), wait=False, on_wait=print):
        clock.now_s += 12
        with (
            pytest.raises(HeldError, match=r"s3://bench/ is held by nightly .*heard of 12 s ago"),
            held_lease(store, me("other"), wait=False, on_wait=print),
        ):
            pass
    assert store.objects == {}


def test_who_waits_is_told_once_and_gets_it(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Holder | None] = []
    first = Lease(store, me("first"))
    assert first.take() is None
    naps = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 3:
            first.withdraw()

    monkeypatch.setattr("warehouse.lease.time.sleep", nap)
    with held_lease(store, me("second"), wait=True, on_wait=told.append) as second:
        assert good(second)
    assert told == [me("first")]


def test_a_lease_is_good_for_a_while_and_longer_when_renewed(
    store: MemoryStore, clock: Clock
) -> None:
    held = Lease(store, me("first"))
    held.take()
    store.broken = True
    clock.now_s += claims.VALID_S - 1
    held.ensure()  # asks nothing of the store
    clock.now_s += 2
    with pytest.raises(WarehouseError, match="does not answer"):
        held.ensure()
    store.broken = False
    held.ensure()
    store.broken = True
    clock.now_s += claims.VALID_S - 1
    held.ensure()


def test_a_claim_is_taken_over_when_it_is_old_and_its_holder_stops(
    store: MemoryStore, clock: Clock
) -> None:
    first, second = Lease(store, me("first")), Lease(store, me("second"))
    assert first.take() is None
    clock.now_s += claims.TAKE_OVER_S - 1
    assert second.take() is not None
    clock.now_s += 2
    assert second.take() is None
    assert good(second)
    with pytest.raises(HeldError, match="was taken over by another process"):
        first.ensure()
    assert good(second)


def test_what_a_killed_process_of_this_host_left_is_taken_over_at_once(store: MemoryStore) -> None:
    gone = Lease(store, replace(me("killed"), pid=2**22 + 1))  # above the kernel's highest
    assert gone.take() is None
    assert Lease(store, me("next")).take() is None


def test_a_pid_of_another_host_says_nothing(store: MemoryStore) -> None:
    there = Claim("f0", replace(me("far"), pid=2**22 + 1), held=True, realm="another boot/pid:[7]")
    store.write(there.path, there.to_json())
    rival = Lease(store, me("next")).take()
    assert rival is not None
    assert rival.claim == there


def test_who_only_tries_is_not_told_of_at_once(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    trying = Claim("f0", me("trying"), held=False, realm="elsewhere")
    store.write(trying.path, trying.to_json())
    naps = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        store.objects.pop(trying.path, None)

    monkeypatch.setattr("warehouse.lease.time.sleep", nap)
    with held_lease(store, me("next"), wait=False, on_wait=print) as held:
        assert good(held)
    assert len(naps) == 1


def test_an_error_in_the_block_gives_the_lease_back(store: MemoryStore) -> None:
    with pytest.raises(KeyError), held_lease(store, me("first"), wait=False, on_wait=print):
        raise KeyError
    assert store.objects == {}


def test_a_store_that_is_gone_at_the_end_hides_no_error(store: MemoryStore) -> None:
    def work() -> None:
        with held_lease(store, me("first"), wait=False, on_wait=print):
            store.broken = True
            raise KeyError

    with pytest.raises(KeyError):
        work()


def test_a_claim_is_what_was_written() -> None:
    claim = Claim("f0", me("demo"), held=True, realm="r")
    assert parse_claim("f0", claim.to_json()) == claim
    assert claim.path == path_of("f0") == "lease/f0.json"


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff", b'{"holder": {"since": 1}}'])
def test_a_damaged_claim_counts_until_it_is_old(content: bytes) -> None:
    assert parse_claim("f0", content) is None
    assert not is_left(Seen("f0", claims.TAKE_OVER_S, None), "r", lambda _: False)
    assert is_left(Seen("f0", claims.TAKE_OVER_S + 1, None), "r", lambda _: False)


def test_the_holder_is_named_before_who_tries() -> None:
    holder, other = (Claim(t, me(t), held=t == "b", realm="r") for t in ("b", "a"))
    seen = [Seen("a", 1.0, other), Seen("b", 2.0, holder), Seen("0", 0.0, None)]
    assert rival_of(seen) == seen[1]
    assert rival_of([]) is None


def test_margins_hold_a_request() -> None:
    from warehouse.object_uri import CONNECT_TIMEOUT_S, READ_TIMEOUT_S

    requests_s = 2 * 3 * (CONNECT_TIMEOUT_S + READ_TIMEOUT_S)  # of a multipart's last two
    assert claims.VALID_S + requests_s < claims.TAKE_OVER_S
    assert claims.RENEW_S * 3 < claims.VALID_S
    assert timedelta(seconds=claims.TAKE_OVER_S) < timedelta(minutes=5)
