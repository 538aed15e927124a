"""The dead-man's switch: a worker whose driver is silent ends itself, and with it its server."""

import os
import threading
import time
from collections.abc import Callable

EXIT_CODE = 17
_CLEAN_UP_S = 5.0


class DeadMan:
    """A thread that ends this process once nobody has called `heard` for a while.

    For a host that is cut off: its driver gives it up, and nobody else would stop its server.
    """

    def __init__(self, limit_s: float, clean_up: Callable[[], None]) -> None:
        """Starts to count.

        Args:
            limit_s: silence that ends the process.
            clean_up: what to do before; the process ends after some seconds whether or not it
                returns, and its servers with it (`workers.engine.spawn`).
        """
        self._limit_s = limit_s
        self._clean_up = clean_up
        self._heard_s = time.monotonic()
        threading.Thread(target=self._watch, name="dead-man", daemon=True).start()

    def heard(self) -> None:
        """The driver lives."""
        self._heard_s = time.monotonic()

    def _watch(self) -> None:
        while (left_s := self._heard_s + self._limit_s - time.monotonic()) > 0:
            time.sleep(left_s)
        last = threading.Timer(_CLEAN_UP_S, os._exit, (EXIT_CODE,))
        last.daemon = True
        last.start()
        try:
            self._clean_up()
        finally:
            os._exit(EXIT_CODE)
