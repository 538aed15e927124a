"""The environment of every process that talks to Ray. Standard library only."""

from collections.abc import Mapping

LEAN: Mapping[str, str] = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_enable_metrics_collection": "0",
    "RAY_enable_worker_prestart": "0",
    "RAY_prestart_worker_first_driver": "0",
    "RAY_event_stats": "0",
}
"""Ray without what nobody here asks it for."""


def ray_environment(token_path: str) -> dict[str, str]:
    """What Ray must find in its environment, on the head, on a node and in a driver.

    Args:
        token_path: file of the cluster's token.
    """
    return {
        **LEAN,
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": token_path,
        # else Ray refuses 3.11.2 beside 3.11.7; the minor version must be the same
        "RAY_DEFAULT_PYTHON_VERSION_MATCH_LEVEL": "minor",
    }
