"""`herd views`: what there is to ask."""

from collections.abc import Sequence
from pathlib import Path

import click

from orchestrator.cli.output import format_option, print_table
from orchestrator.settings import warehouse_storage
from warehouse.connection import Connection, connect
from warehouse.errors import QueryError

Listing = tuple[Sequence[str], Sequence[Sequence[object]]]
"""Columns and rows."""


@click.command()
@click.argument("name", required=False)
@format_option
@click.pass_obj
def views(config_dir: Path | None, name: str | None, output: str) -> None:
    """List the views and tables, or the columns of the one called NAME."""
    with connect(warehouse_storage(config_dir)) as connection:
        if name is None:
            found = connection.list_views()
            rows = [(v.name, v.kind, v.meaning, " ".join(c.name for c in v.columns)) for v in found]
            print_table(("name", "kind", "meaning", "columns"), rows, output)
        else:
            print_table(*list_columns(connection, name), output)


def list_views(connection: Connection) -> Listing:
    """The views and tables."""
    found = [(view.name, view.kind, view.meaning) for view in connection.list_views()]
    return ("name", "kind", "meaning"), found


def list_columns(connection: Connection, name: str) -> Listing:
    """The columns of a view or table.

    Raises:
        QueryError: there is none of that name.
    """
    for view in connection.list_views():
        if view.name == name:
            found = [(c.name, c.type, c.unit or "", c.meaning) for c in view.columns]
            return ("column", "type", "unit", "meaning"), found
    raise QueryError(f"no view or table '{name}'; `herd views` lists them")
