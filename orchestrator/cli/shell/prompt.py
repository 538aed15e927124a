"""The prompt: editing over several lines, history, completion, colours."""

import os
from collections.abc import Iterator
from pathlib import Path

import click
from platformdirs import user_state_path
from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.completion import CompleteEvent, Completer, Completion, ThreadedCompleter
from prompt_toolkit.document import Document
from prompt_toolkit.enums import DEFAULT_BUFFER
from prompt_toolkit.filters import completion_is_selected, has_focus
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.lexers import PygmentsLexer
from pygments.lexers.sql import SqlLexer

from orchestrator.cli.shell.completion import Names, candidates
from warehouse.connection import Connection
from warehouse.statements import split_statements

_NAMES = """\
select 'function' as kind, function_name as name from duckdb_functions()
where function_type in ('scalar', 'aggregate', 'macro', 'table')
  and regexp_matches(function_name, '^[a-z]')
  and not regexp_matches(function_name, '^(icu|collate)_')
union select 'keyword', keyword_name from duckdb_keywords() where keyword_category = 'reserved'
order by all"""


def is_complete(text: str) -> bool:
    """Whether Enter runs what was typed: nothing, a command, or statements up to a semicolon."""
    return text.lstrip().startswith("\\") or not split_statements(text)[1]


def history() -> History:
    """What was asked before, in a file that only its owner may read."""
    path = user_state_path("herd") / "sql_history"
    try:
        _keep_private(path)
    except OSError as error:
        click.echo(f"herd: no history: cannot use {path}: {error.strerror}", err=True)
        return InMemoryHistory()
    return FileHistory(path)


def _keep_private(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)


class _SqlCompleter(Completer):
    """Loads the names with the first Tab: they take half a second."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._names: Names | None = None

    def get_completions(
        self,
        document: Document,
        complete_event: CompleteEvent,  # noqa: ARG002 - of Completer
    ) -> Iterator[Completion]:
        self._names = self._names or read_names(self._connection)
        before, after = document.text_before_cursor, document.text_after_cursor
        for each in candidates(before, after, self._names):
            yield Completion(each.text, -each.typed, display_meta=each.meaning)


def read_names(connection: Connection) -> Names:
    """Every name that a statement may hold."""
    found: dict[str, list[str]] = {"function": [], "keyword": []}
    for row in connection.query(_NAMES).to_pylist():
        found[row["kind"]].append(row["name"])
    tables = {view.name: view for view in connection.list_views()}
    return Names(tables, tuple(found["function"]), tuple(found["keyword"]))


def _keys() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("enter", filter=has_focus(DEFAULT_BUFFER) & ~completion_is_selected)
    def _(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if is_complete(buffer.text):
            buffer.validate_and_handle()
        else:
            buffer.newline(copy_margin=False)

    return keys


def session(connection: Connection) -> PromptSession[str]:
    """The prompt of a shell."""
    return PromptSession(
        "herd> ",
        multiline=True,
        prompt_continuation="  ..> ",
        history=history(),
        auto_suggest=AutoSuggestFromHistory(),
        completer=ThreadedCompleter(_SqlCompleter(connection)),
        complete_while_typing=False,
        lexer=PygmentsLexer(SqlLexer),
        key_bindings=_keys(),
    )
