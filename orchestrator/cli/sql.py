"""`herd sql` and `herd views`: ask the warehouse, and what there is to ask."""

import sys
from pathlib import Path

import click

from orchestrator.cli.output import format_option, print_arrow, print_table
from orchestrator.settings import warehouse_storage
from warehouse.connection import connect


# A query may begin with a comment, which looks like an option.
@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("query", type=click.UNPROCESSED)
@format_option
@click.pass_obj
def sql(config_dir: Path | None, query: str, output: str) -> None:
    """Run one read-only QUERY (a SELECT or EXPLAIN) on the warehouse; `-` reads standard input."""
    text = sys.stdin.read() if query == "-" else query
    with connect(warehouse_storage(config_dir)) as connection:
        print_arrow(connection.query(text), output)


@click.command()
@click.argument("name", required=False)
@format_option
@click.pass_obj
def views(config_dir: Path | None, name: str | None, output: str) -> None:
    """List the views and tables, or the columns of the one called NAME."""
    with connect(warehouse_storage(config_dir)) as connection:
        found = connection.list_views()
    if name is None:
        rows = [(v.name, v.kind, v.meaning, " ".join(c.name for c in v.columns)) for v in found]
        print_table(("name", "kind", "meaning", "columns"), rows, output)
        return
    chosen = [view for view in found if view.name == name]
    if not chosen:
        raise click.UsageError(f"no view or table '{name}'; `herd views` lists them")
    columns = [(c.name, c.type, c.unit or "", c.meaning) for c in chosen[0].columns]
    print_table(("column", "type", "unit", "meaning"), columns, output)
