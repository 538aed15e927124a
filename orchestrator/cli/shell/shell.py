"""The loop of the shell: a statement or a command, its answer, and on after any error."""

import shutil

import click

from orchestrator.cli.output import FORMATS, render, render_arrow, tell_left_out
from orchestrator.cli.shell.prompt import session
from orchestrator.cli.views import list_columns, list_views
from warehouse.connection import Connection
from warehouse.errors import HerdError, StuckQueryError
from warehouse.statements import split_statements

HELP = """\
A SELECT or EXPLAIN ends with a semicolon and may have several lines. Tab completes.
\\d          the views and tables
\\d NAME     the columns of one, with units
\\x          a line for each value, or a table again
\\format F   how to print: table, csv or json
\\q          leave; Ctrl-D does too. Ctrl-C stops a question, or clears the line.
"""


class Shell:
    """Reads and answers until the user leaves."""

    def __init__(self, connection: Connection, output: str) -> None:
        self._connection = connection
        self._output = output

    def run(self) -> None:
        """Ask and answer until the user leaves."""
        prompt = session(self._connection)
        click.echo("herd sql, read-only. \\? is help, \\d lists the views, \\q leaves.")
        while True:
            try:
                text = prompt.prompt()
            except KeyboardInterrupt:
                continue
            except EOFError:
                return
            if text.strip() == "\\q":
                return
            self._answer(text)

    def _answer(self, text: str) -> None:
        try:
            if text.lstrip().startswith("\\"):
                self._command(text.split())
            else:
                for statement in split_statements(text)[0]:
                    show(render_arrow(self._connection.query(statement), self._output))
                    tell_left_out(self._connection.left_out)
        except StuckQueryError:
            raise
        except HerdError as error:
            click.echo(f"herd: {error}", err=True)
        except KeyboardInterrupt:
            click.echo("herd: stopped", err=True)

    def _command(self, words: list[str]) -> None:
        match words:
            case ["\\?"]:
                show(HELP)
            case ["\\d"]:
                show(render(*list_views(self._connection), "table"))
            case ["\\d", name]:
                show(render(*list_columns(self._connection, name), "table"))
            case ["\\x"]:
                self._output = "table" if self._output == "record" else "record"
            case ["\\format", output] if output in FORMATS:
                self._output = output
            case _:
                raise HerdError(f"no command {' '.join(words)}; \\? lists them")


def show(text: str) -> None:
    """Print, through the user's pager where it is longer than the terminal is high."""
    if text.count("\n") < shutil.get_terminal_size().lines:
        click.echo(text, nl=False)
    else:
        click.echo_via_pager(text, color=True)
