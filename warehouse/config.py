"""The config of a warehouse: where its rows are kept, and what a question may cost."""

from dataclasses import dataclass


@dataclass(frozen=True)
class WarehouseConfig:
    """Where rows are kept, and the limits of `herd sql`."""

    uri: str = "herd-data"
    sql_memory_mib: int = 2048
    """Memory for a question of `herd sql`, and again for its answer, MiB."""
    sql_timeout_s: float = 60.0
    """Longest time for a question of `herd sql`, s; `--timeout` wins."""
