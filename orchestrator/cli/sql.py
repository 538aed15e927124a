"""`herd sql`: ask the warehouse, once or in a shell."""

import os
import resource
import sys
from pathlib import Path

import click
import psutil

from orchestrator.cli.output import format_option, print_arrow, tell_left_out
from orchestrator.settings import warehouse_config
from warehouse.connection import Connection, connect
from warehouse.errors import StuckQueryError
from warehouse.limits import Limits
from warehouse.statements import split_statements


# A query may begin with a comment, which looks like an option.
@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("query", type=click.UNPROCESSED, required=False)
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(min=0, min_open=True),
    help="Longest time for a question, s; warehouse.sql_timeout_s where it is not given.",
)
@format_option
@click.pass_obj
def sql(config_dir: Path | None, query: str | None, timeout_s: float | None, output: str) -> None:
    """Run one read-only QUERY (a SELECT or EXPLAIN) on the warehouse; a shell without it.

    `-`, or no QUERY where there is no terminal, answers the statements of standard input.
    """
    config = warehouse_config(config_dir)
    limits = Limits(config.sql_memory_mib, timeout_s or config.sql_timeout_s)
    with connect(config.uri, limits) as connection:
        _limit_process(config.sql_memory_mib)
        try:
            _answer(connection, query, output)
        except StuckQueryError as error:
            click.echo(f"herd: {error}", err=True)
            os._exit(1)  # the thread that asks would hold up any other way out
        tell_left_out(connection.left_out)


def _answer(connection: Connection, query: str | None, output: str) -> None:
    if query is None and sys.stdin.isatty() and sys.stdout.isatty():
        from orchestrator.cli.shell.shell import Shell  # half a second to load

        Shell(connection, output).run()
    elif query is None or query == "-":
        ended, last = split_statements(sys.stdin.read())
        for statement in [*ended, *([last] if last else [])]:
            print_arrow(connection.query(statement), output)
    else:
        print_arrow(connection.query(query), output)


def _limit_process(memory_mib: int) -> None:
    """Stop what DuckDB's own limit does not count: `repeat` makes strings of 4 GB beside it."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    allowed = psutil.Process().memory_info().data + (2 * memory_mib << 20)
    if hard == resource.RLIM_INFINITY or allowed < hard:
        resource.setrlimit(resource.RLIMIT_DATA, (allowed, hard))
