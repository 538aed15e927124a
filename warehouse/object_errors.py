"""What went wrong with an object store, as one line that says what to do. Pure."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from warehouse.errors import WarehouseError

_CODE = re.compile(r"AWS Error ([^:]+) during \w+ operation: (.*)", re.DOTALL)
_UNPARSED = re.compile(r"Unable to parse ExceptionName: (\w+)")
"""How the SDK tells a code that it has no number for."""
_KEYS = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
_ADVICE = {
    "nosuchbucket": "there is no such bucket: make it, or name another with warehouse.uri",
    "accessdenied": (
        f"access denied: set {_KEYS}, to keys that may list, read, write and delete there"
    ),
    "invalidaccesskeyid": f"the store does not know this key: check {_KEYS}",
    "signaturedoesnotmatch": f"the secret key is not that of the access key: check {_KEYS}",
    "expiredtoken": "the credentials have expired: get new ones",
    "requesttimetooskewed": "this host's clock is wrong: set it",
    "slowdown": "the store asks for fewer requests: run the same command again later",
    "unknown (http status 301)": "the bucket is in another region: set AWS_REGION",
}
_ENDPOINT = "see that it runs and that AWS_ENDPOINT_URL names it"


def explain(error: OSError, name: str) -> WarehouseError:
    """The error as one line.

    Args:
        error: what Arrow raised.
        name: full name of the object or the prefix.
    """
    match = _CODE.search(str(error))
    if not match:
        return WarehouseError(f"cannot use {name}: {_first_line(str(error))}")
    code, details = match.groups()
    if code == "NETWORK_CONNECTION":
        cause = _first_line(details.rpartition("Details: ")[2])
        advice = f"the object store does not answer ({cause}): {_ENDPOINT}"
    else:
        unparsed = _UNPARSED.search(details)
        known = (unparsed[1] if unparsed else code.replace("_", "")).lower()
        advice = _ADVICE.get(known, f"{code}: {_first_line(details)}")
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
