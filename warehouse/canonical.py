"""Text and hash that equal values share: what identities are made of. Pure."""

import hashlib
import json

_DIGITS = 32
"""128 bits: no collision among any number of cells that somebody could measure."""


def canonical(value: object) -> str:
    """JSON with sorted keys and no spaces: equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(text: str) -> str:
    """Lowercase hexadecimal hash of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]
