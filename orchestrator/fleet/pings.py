"""Pings to the host actors, from a thread of their own: the driver may be busy for a while."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from orchestrator.fleet.hired import Hired

_MOST_S = 2.0


def interval_s(dead_man_s: float) -> float:
    """Time between two pings: many fit into the silence that ends a worker."""
    return min(_MOST_S, dead_man_s / 6)


@contextmanager
def pinged(hired: Callable[[], Iterable[Hired]], dead_man_s: float) -> Iterator[None]:
    """Ping all that are hired while the block runs.

    Args:
        hired: those there are now; called from another thread.
        dead_man_s: silence that ends a worker, s.
    """
    over = threading.Event()

    def ping() -> None:
        while not over.wait(interval_s(dead_man_s)):
            for each in hired():
                each.ping()

    thread = threading.Thread(target=ping, name="pings", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
