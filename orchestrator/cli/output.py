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

    from warehouse.visibility import LeftOut

_TOLD = 5
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
    """Print rows to standard output; as `render`."""
    click.echo(render(columns, rows, output), nl=False)


def tell_left_out(left_out: "Sequence[LeftOut]") -> None:
    """Say on standard error which files no answer counts."""
    for each in left_out[:_TOLD]:
        click.echo(f"herd: left out: {each.path}: {each.why}", err=True)
    if len(left_out) > _TOLD:
        text = f"herd: {len(left_out) - _TOLD} more files are left out; `herd gc` lists them"
        click.echo(text, err=True)


def print_arrow(answer: "pa.Table", output: str) -> None:
    """Print an answer of the warehouse; as `render`."""
    click.echo(render_arrow(answer, output), nl=False)


def render_arrow(answer: "pa.Table", output: str) -> str:
    """An answer of the warehouse as text; as `render`."""
    columns = [column.to_pylist() for column in answer.columns]
    return render(answer.column_names, list(zip(*columns, strict=True)), output)


def render(columns: Sequence[str], rows: Sequence[Sequence[object]], output: str) -> str:
    """Rows as text, for standard output as it is: bold and folded on a terminal.

    Args:
        columns: names of the columns.
        rows: values, one sequence a row.
        output: one of `FORMATS`, or `record`: a line for each value.
    """
    if output == "json":
        records = [dict(zip(columns, row, strict=True)) for row in rows]
        return json.dumps(records, indent=2, default=str, ensure_ascii=False) + "\n"
    if output == "csv":
        buffer = io.StringIO()
        csv.writer(buffer, lineterminator="\n").writerows([columns, *rows])
        return buffer.getvalue()
    if output == "record":
        return "\n".join(_record(columns, row) for row in rows)
    console = _console()
    with console.capture() as captured:
        console.print(_table(columns, rows))
    return captured.get()


def _record(columns: Sequence[str], row: Sequence[object]) -> str:
    width = max(map(len, columns))
    pairs = zip(columns, row, strict=True)
    return "".join(f"{name:{width}}  {_cell(value).plain}\n" for name, value in pairs)


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
