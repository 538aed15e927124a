"""Ctrl-C: once ends the sweep in order, twice at once."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupts:
    """Ctrl-C (SIGINT) and SIGTERM: the first is noted, the second raises KeyboardInterrupt.

    Later ones are ignored, so that nothing disturbs the cleaning up.
    """

    def __init__(self) -> None:
        self.asked = False
        self._asked_twice = False

    @contextmanager
    def caught(self) -> Iterator[None]:
        """With the signals counted."""
        before = {s: signal.signal(s, self._on_signal) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if self.asked and not self._asked_twice:
            self._asked_twice = True
            raise KeyboardInterrupt
        self.asked = True
