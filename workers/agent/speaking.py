"""The pipe through which the process tells what it has found, a line at a time."""

import os
import sys
from typing import BinaryIO

from workers.agent.messages import Said, line_of


class Speaker:
    """Writes to what was the standard output; whatever a library prints goes to standard error."""

    def __init__(self) -> None:
        """Takes the standard output."""
        self._pipe: BinaryIO = os.fdopen(os.dup(1), "wb", buffering=0)
        os.dup2(2, 1)
        sys.stdout = sys.stderr

    def say(self, said: Said) -> None:
        """A line, whole: from one thread."""
        left = memoryview(line_of(said))
        while left:
            left = left[self._pipe.write(left) :]
