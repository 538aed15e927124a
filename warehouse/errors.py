"""The one exception tree of herd.

HerdError                     shown to the user as one line, with a non-zero exit
+-- ConfigError               the command or its configuration is wrong
+-- ModelError                a model file is missing, damaged or not what was named
+-- EngineError               a llama-server binary cannot be used
+-- WarehouseError            the warehouse cannot be read or written
|   +-- QueryError            a query was refused or failed
|   |   +-- StuckQueryError   a query cannot be interrupted: only the end of the process ends it
|   +-- ImportFileError       a file cannot be imported
+-- HeldError                 somebody else holds a warehouse or a host
+-- FleetError                Ray or a host of the fleet cannot be used

What goes wrong inside a cell is no exception of this tree: it is a row with a failure class.
"""


class HerdError(Exception):
    """An error that a user can act on: its text is one line that says what to do."""


class ConfigError(HerdError):
    """The command or its configuration is wrong."""


class ModelError(HerdError):
    """A model file is missing, damaged or not what was named."""


class EngineError(HerdError):
    """A llama-server binary cannot be used."""


class WarehouseError(HerdError):
    """The warehouse cannot be read or written."""


class QueryError(WarehouseError):
    """A query was refused, or failed in DuckDB."""


class StuckQueryError(QueryError):
    """A query that cannot be interrupted: only the end of the process ends it."""


class ImportFileError(WarehouseError):
    """A file cannot be imported."""


class HeldError(HerdError):
    """Somebody else holds a warehouse or a host."""


class FleetError(HerdError):
    """Ray or a host of the fleet cannot be used."""
