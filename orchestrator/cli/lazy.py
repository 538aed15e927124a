"""Commands that are imported when they are used: all together they take a second."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click


class LazyGroup(click.Group):
    """A group whose commands lie in modules of this package."""

    def __init__(self, *args: Any, commands_in: Mapping[str, str], **more: Any) -> None:
        """A group.

        Args:
            *args: of `click.Group`.
            commands_in: name of a command -> `MODULE:ATTRIBUTE`, the module one of this package.
            **more: of `click.Group`.
        """
        super().__init__(*args, **more)
        self._commands_in = commands_in

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands."""
        return list(self._commands_in)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        if cmd_name not in self._commands_in:
            return None
        module, _, attribute = self._commands_in[cmd_name].partition(":")
        command: click.Command = getattr(import_module(f"orchestrator.cli.{module}"), attribute)
        return command
