"""`herd models`."""

import click

from orchestrator.cli.lazy import LazyGroup

COMMANDS = {
    "list": "catalogue:list_models",
    "fetch": "catalogue:fetch_model",
    "inspect": "model_header:inspect_model",
}


@click.group("models", cls=LazyGroup, commands_in=COMMANDS)
def models() -> None:
    """The catalogue, model files, and what their headers say."""
