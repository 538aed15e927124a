"""The live web in place of the sealed site: the same tools, without its limit to one origin.

What pages say changes from day to day, so runs on it do not compare; requests are not recorded.
Addresses of this host and of private networks are refused, by the name's addresses at the time of
asking: a name that changes its address in between is not held.
"""

import ipaddress
import socket
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from workers.agent.world.place import Place


class LiveWorld(Place):
    """The web, a directory and a mailbox."""

    origin = None
    proxy = None

    def __init__(self, folder: Path, search_address: str | None) -> None:
        """Nothing is asked yet.

        Args:
            folder: an empty folder of this run.
            search_address: of a search engine, with `{query}` in it; None: web_search is refused.
        """
        super().__init__(folder)
        self.search_address = search_address

    def now(self) -> datetime:
        """The host's clock."""
        return datetime.now(UTC)

    def refusal(self, url: str) -> str | None:
        """What is no page of the public web is refused."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            return "only http and https addresses can be reached"
        try:
            found = socket.getaddrinfo(parts.hostname, parts.port or 80, type=socket.SOCK_STREAM)
        except (OSError, ValueError):
            return f"{parts.hostname}: no such host"
        if all(ipaddress.ip_address(entry[4][0]).is_global for entry in found):
            return None
        return f"{parts.hostname}: not on the public web"
