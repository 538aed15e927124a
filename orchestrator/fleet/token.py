"""Ray's authentication token: made once, kept where only the user reads it."""

import os
import secrets
from pathlib import Path

from platformdirs import user_state_path


def token_path() -> Path:
    """The token's file, mode 0600, made at first use.

    Ray itself was seen to write its token with mode 0644 (shared/reference/ray.md, section 8).
    """
    path = user_state_path("herd", ensure_exists=True) / "ray_token"
    if not path.exists():
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32))
        os.link(draft, path) if not path.exists() else None
        draft.unlink()
    return path
