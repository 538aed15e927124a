"""Row schemas, the writer, the DuckDB views over the rows and the statistics on them.

`warehouse.connect(uri)` opens one for reading, from Python too.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from warehouse.connection import Connection, connect
    from warehouse.limits import Limits

__all__ = ["Connection", "Limits", "connect"]


def __getattr__(name: str) -> Any:
    """Load DuckDB and Arrow when they are asked for: most verbs need neither."""
    if name not in __all__:
        raise AttributeError(f"module 'warehouse' has no attribute '{name}'")
    from warehouse import connection

    return getattr(connection, name)
