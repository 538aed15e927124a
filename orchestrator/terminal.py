"""The user's terminal, kept for herd while Ray and its children write elsewhere."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console


@contextmanager
def quiet(log: Path) -> Iterator[Console]:
    """A console on the real standard output, while file descriptors 1 and 2 go to `log`.

    Raylet messages and stack traces reach the driver's terminal even with `log_to_driver=False`
    (shared/reference/ray.md, section 3).
    """
    sys.stdout.flush()
    sys.stderr.flush()
    saved = [os.dup(1), os.dup(2)]
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(target, 1)
    os.dup2(target, 2)
    os.close(target)
    try:
        with os.fdopen(os.dup(saved[0]), "w", buffering=1) as terminal:
            yield Console(file=terminal)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for descriptor, copy in zip((1, 2), saved, strict=True):
            os.dup2(copy, descriptor)
            os.close(copy)
