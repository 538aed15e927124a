"""Names of object stores, and how they are reached: pure functions of a uri and an environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from warehouse.errors import ConfigError

SCHEME = "s3"
CONNECT_TIMEOUT_S = 3.0
READ_TIMEOUT_S = 10.0
"""Longest silence of an endpoint; with three attempts, what hangs is told within a minute."""


@dataclass(frozen=True, slots=True)
class ObjectUri:
    """A bucket, and what all names in it begin with."""

    bucket: str
    prefix: str
    """Without slashes at its ends; may be empty."""

    def __str__(self) -> str:
        return f"{SCHEME}://{self.key('')}"

    def key(self, path: str) -> str:
        """Bucket and full name of an object, as Arrow has it."""
        return "/".join(part for part in (self.bucket, self.prefix, path) if part)


def parse_uri(text: str) -> ObjectUri:
    """`s3://bucket/prefix`.

    Raises:
        ConfigError: no bucket, or more than a bucket and a prefix.
    """
    parts = urlsplit(text)
    if parts.username or parts.password or parts.query or parts.fragment:
        # Not shown: what is here by mistake is a secret.
        raise ConfigError(
            "warehouse.uri holds more than s3://BUCKET/PREFIX: credentials, endpoint and region "
            "come from the environment (AWS_ACCESS_KEY_ID, AWS_PROFILE, AWS_ENDPOINT_URL, ...)"
        )
    prefix = parts.path.strip("/")
    folders = prefix.split("/") if prefix else []
    if not parts.netloc or ":" in parts.netloc or any(f in ("", ".", "..") for f in folders):
        raise ConfigError(f"warehouse.uri={text}: write it as s3://BUCKET/PREFIX")
    return ObjectUri(parts.netloc, prefix)


def endpoint_of(environ: Mapping[str, str]) -> str | None:
    """Where the store is, if it is not Amazon's: the variables that its own tools read."""
    return environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL") or None


def region_of(environ: Mapping[str, str]) -> str | None:
    """Region that the environment names; other stores than Amazon's take any."""
    named = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
    return named or ("us-east-1" if endpoint_of(environ) else None)


def options_of(environ: Mapping[str, str]) -> dict[str, Any]:
    """Arguments of Arrow's S3 file system, which finds the credentials by itself."""
    return {
        "endpoint_override": endpoint_of(environ),
        "region": region_of(environ),
        "tls_ca_file_path": environ.get("AWS_CA_BUNDLE"),
        "connect_timeout": CONNECT_TIMEOUT_S,
        "request_timeout": READ_TIMEOUT_S,
        # A small object is one PUT, which ends before the call returns.
        "allow_delayed_open": True,
        "background_writes": False,
    }
