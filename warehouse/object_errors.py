"""What went wrong with an object store, as one line that says what to do. Pure."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from warehouse.errors import WarehouseError

_CODE = re.compile(r"AWS Error (\w+) during (\w+) operation: (.*)", re.DOTALL)
_KEYS = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
_ADVICE = {
    "NO_SUCH_BUCKET": "there is no such bucket: make it, or name another with warehouse.uri",
    "ACCESS_DENIED": (
        f"access denied: see that {_KEYS} are set, and may list, read, write and delete there"
    ),
    "INVALID_ACCESS_KEY_ID": f"the store does not know this key: check {_KEYS}",
    "SIGNATURE_DOES_NOT_MATCH": f"the secret key is not that of the access key: check {_KEYS}",
    "INVALID_CLIENT_TOKEN_ID": f"the store does not know this key: check {_KEYS}",
    "MISSING_AUTHENTICATION_TOKEN": f"no credentials: set {_KEYS}",
    "EXPIRED_TOKEN": "the credentials have expired: get new ones",
    "REQUEST_TIME_TOO_SKEWED": "this host's clock is wrong: set it",
    "SLOW_DOWN": "the store asks for fewer requests: run the same command again later",
}
_ENDPOINT = "see that it runs and that AWS_ENDPOINT_URL names it"
_STATUS = {"HTTP response code: 403": "ACCESS_DENIED", "HTTP response code: 404": "NO_SUCH_BUCKET"}
"""A HEAD has no body: its status is all that the store says."""


def explain(error: OSError, name: str) -> WarehouseError:
    """The error as one line.

    Args:
        error: what Arrow raised.
        name: full name of the object or the prefix.
    """
    match = _CODE.search(str(error))
    if not match:
        return WarehouseError(f"cannot use {name}: {_first_line(str(error))}")
    code, _, details = match.groups()
    status = next((known for text, known in _STATUS.items() if text in str(error)), None)
    advice = _ADVICE.get(code) or _ADVICE.get(status or "")
    if advice is None and code == "NETWORK_CONNECTION":
        cause = _first_line(details.rpartition("Details: ")[2])
        advice = f"the object store does not answer ({cause}): {_ENDPOINT}"
    elif advice is None:
        advice = f"{code}: {_first_line(details)}"
    return WarehouseError(f"cannot use {name}: {advice}")


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0].partition(" (Request ID")[0][:300]


@contextmanager
def explained(name: str) -> Iterator[None]:
    """Turn an OSError of the block into a WarehouseError about the object; a missing one stays."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise explain(error, name) from error
