"""The root of the command line."""

import sys
from pathlib import Path
from typing import IO, Any

import click

from orchestrator.cli.lazy import LazyGroup
from warehouse.errors import HerdError

VERBS = {
    "sweep": "sweep:sweep",
    "plan": "plan:plan",
    "status": "status:status",
    "sql": "sql:sql",
    "views": "views:views",
    "node": "node:node",
    "models": "models:models",
    "compare": "compare:compare",
    "import": "imports:import_files",
    "export": "exports:export",
    "calibrate": "calibrate:calibrate",
    "compact": "upkeep:compact",
    "gc": "upkeep:gc",
    "doctor": "doctor:doctor",
}
"""Verbs, and where they are defined."""


class OneLine(click.ClickException):
    """An error that a user can act on, as one line."""

    def show(self, file: IO[Any] | None = None) -> None:
        """Print it to standard error."""
        click.echo(f"herd: {self.message}", file=file or sys.stderr)


class Root(LazyGroup):
    """Turns herd's errors into one line and exit code 1, Ctrl-C into exit code 130."""

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
    cls=Root,
    commands_in=VERBS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
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
