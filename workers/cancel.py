"""Acting on a cancelled launch while its own thread is blocked in a call."""

import contextlib
import threading
from collections.abc import Callable, Iterator

LOOK_EVERY_S = 0.1


@contextlib.contextmanager
def when_cancelled(cancelled: threading.Event, act: Callable[[], object]) -> Iterator[None]:
    """Call `act` from another thread once `cancelled` is set, until the block is left.

    It is called again and again: what it breaks (a request, a start) may begin just after it.
    """
    left = threading.Event()

    def watch() -> None:
        # Two events cannot be waited for at once; the shorter-lived one sets the pace.
        while not left.wait(LOOK_EVERY_S):
            if cancelled.is_set():
                act()

    thread = threading.Thread(target=watch, name="cancel", daemon=True)
    thread.start()
    try:
        yield
    finally:
        left.set()
        thread.join()
