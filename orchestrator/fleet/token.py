"""Ray's authentication token: made once, kept where only the user reads it."""

import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

from platformdirs import user_state_path


def token_path() -> Path:
    """The token's file, mode 0600, made at first use.

    Ray itself was seen to write its token with mode 0644 (shared/reference/ray.md, section 8).
    """
    path = user_state_path("herd", ensure_exists=True) / "ray_token"
    if not path.exists():
        descriptor, draft = tempfile.mkstemp(prefix=path.name, dir=path.parent)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32))
        with suppress(FileExistsError):  # another herd was first: its token counts
            path.hardlink_to(draft)
        Path(draft).unlink()
    return path
