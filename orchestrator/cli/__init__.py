"""The command line: one file a verb."""

import sys

import click

from orchestrator.cli.root import herd
from warehouse.errors import HerdError


def main() -> None:
    """Entry point: errors that a user can act on are one line and exit code 1."""
    debug = "--debug" in sys.argv[1:]
    try:
        herd(standalone_mode=not debug)
    except HerdError as error:
        if debug:
            raise
        click.echo(f"herd: {error}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        click.echo("herd: interrupted", err=True)
        sys.exit(130)
