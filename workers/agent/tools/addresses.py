"""Addresses as models write them: pure."""

from urllib.parse import urldefrag, urljoin

from workers.agent.world.errors import ToolRefusedError

ADDRESS_MAX = 2000


def absolute(address: str, origin: str | None, here: str | None = None) -> str:
    """An absolute address without its fragment.

    Args:
        address: `/weather/vienna`, `meridian.test/weather`, or the whole of it.
        origin: what a path is relative to; None on the live web.
        here: the page that a relative address starts from.

    Raises:
        ToolRefusedError: it is no address.
    """
    said = address.strip().strip("<>\"'")
    if not said or len(said) > ADDRESS_MAX or not said.isprintable() or " " in said:
        raise ToolRefusedError(f"{address[:100]!r}: it is no address")
    if ":" not in said.split("/", 1)[0] and not said.startswith("//"):
        said = _with_scheme(said, origin, here)
    return urldefrag(said).url


def _with_scheme(said: str, origin: str | None, here: str | None) -> str:
    base = here or origin
    if said.startswith(("/", "?", "#", ".")) or (origin and "." not in said.split("/", 1)[0]):
        if base is None:
            raise ToolRefusedError(f"{said}: give the whole address")
        return urljoin(f"{base}/" if base == origin else base, said)
    return f"http://{said}" if origin else f"https://{said}"
