"""What the world answers a model that asks for what is not there or not allowed."""

from warehouse.errors import HerdError


class ToolRefusedError(HerdError):
    """A tool's error result: one line for the model, never an error of the harness."""
