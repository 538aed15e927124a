"""Tables as text, CSV or JSON: one way for every verb."""

import csv
import io
import json
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    import pyarrow as pa

FORMATS = ("table", "csv", "json")

F = TypeVar("F", bound=Callable[..., Any])


def format_option(command: F) -> F:
    """Give a verb `--format table|csv|json`, as its argument `output`."""
    option = click.option(
        "--format",
        "output",
        type=click.Choice(FORMATS),
        default="table",
        show_default=True,
        help="How to print.",
    )
    return option(command)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], output: str) -> None:
    """Print rows to standard output.

    Args:
        columns: names of the columns.
        rows: values, one sequence a row.
        output: one of `FORMATS`.
    """
    if output == "json":
        records = [dict(zip(columns, row, strict=True)) for row in rows]
        click.echo(json.dumps(records, indent=2, default=str, ensure_ascii=False))
    elif output == "csv":
        buffer = io.StringIO()
        csv.writer(buffer, lineterminator="\n").writerows([columns, *rows])
        click.echo(buffer.getvalue(), nl=False)
    else:
        _console().print(_table(columns, rows))


def print_arrow(answer: "pa.Table", output: str) -> None:
    """Print an answer of the warehouse; as `print_table`."""
    columns = [column.to_pylist() for column in answer.columns]
    print_table(answer.column_names, list(zip(*columns, strict=True)), output)


def _table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for index, name in enumerate(columns):
        numeric = all(isinstance(row[index], (int, float, type(None))) for row in rows)
        table.add_column(
            Text(name), justify="right" if numeric and rows else "left", overflow="fold"
        )
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    return table


def _cell(value: object) -> Text:
    """As it is: a bracket in a name or a log line is no markup."""
    if value is None:
        return Text("-")
    return Text(f"{value:.2f}" if isinstance(value, float) else str(value))


def _console() -> Console:
    """Wide where there is no terminal: a pipe has no edge to wrap at."""
    return Console(file=sys.stdout, width=None if sys.stdout.isatty() else 400)
