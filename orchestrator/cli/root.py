"""The root of the command line."""

import sys
from importlib import import_module
from pathlib import Path
from typing import IO, Any

import click

from warehouse.errors import HerdError

VERBS = {
    "sweep": "sweep",
    "plan": "plan",
    "status": "status",
    "sql": "sql",
    "views": "sql",
    "models": "models",
    "compare": "compare",
    "calibrate": "calibrate",
    "doctor": "doctor",
}
"""Verbs and the modules of this package that define them."""


class OneLine(click.ClickException):
    """An error that a user can act on, as one line."""

    def show(self, file: IO[Any] | None = None) -> None:
        """Print it to standard error."""
        click.echo(f"herd: {self.message}", file=file or sys.stderr)


class Root(click.Group):
    """Turns herd's errors into one line and exit code 1, Ctrl-C into exit code 130.

    A verb is imported when it is used: all together they take a second.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All verbs."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb of that name."""
        if cmd_name not in VERBS:
            return None
        module = import_module(f"orchestrator.cli.{VERBS[cmd_name]}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb."""
        try:
            return super().invoke(ctx)
        except HerdError as error:
            if ctx.params["debug"]:
                raise
            raise OneLine(str(error)) from error
        except KeyboardInterrupt:
            click.echo("herd: interrupted; the same command continues", err=True)
            ctx.exit(130)


@click.group(
    cls=Root, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(package_name="herd")
@click.option(
    "--config-dir",
    type=click.Path(path_type=Path),
    default=None,
    help="Your configuration; ./conf where it exists. The shipped one stands behind it.",
)
@click.option("--debug", is_flag=True, help="Show the whole trace of an error.")
@click.pass_context
def herd(context: click.Context, /, config_dir: Path | None, **_: bool) -> None:
    """Benchmark llama-server over many configurations and hosts; ask the results in SQL."""
    context.obj = config_dir
