"""The config of a warehouse: where its rows are kept, how long, and what a question may cost."""

from dataclasses import dataclass


@dataclass(frozen=True)
class WarehouseConfig:
    """Where rows are kept and how long, and the limits of `herd sql`."""

    uri: str = "herd-data"
    """A folder, or s3://BUCKET/PREFIX (`warehouse.storage`)."""
    compact_files: int = 500
    """More small files than that are compacted by the sweep, between launches; many make every
    query slow."""
    telemetry_keep_days: int = 90
    """`herd gc` thins telemetry of earlier days."""
    telemetry_interval_s: float = 10.0
    """Least time between two samples of a device that it keeps, s."""
    sql_memory_mib: int = 2048
    """Memory for a question of `herd sql`, and again for its answer, MiB."""
    sql_timeout_s: float = 60.0
    """Longest time for a question of `herd sql`, s; `--timeout` wins."""
