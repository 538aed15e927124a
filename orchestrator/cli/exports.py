"""`herd export`: a table, a view or an answer as a file for other tools."""

from pathlib import Path

import click

from orchestrator.settings import warehouse_storage
from warehouse.connection import Connection, connect
from warehouse.exports.files import WRITERS, appearing
from warehouse.exports.llama_bench import write_llama_bench

BENCH = "llama-bench"
"""What is exported to SQLite."""
_SQLITE = (".sqlite", ".db")


# A query may begin with a comment, which looks like an option.
@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("what", type=click.UNPROCESSED)
@click.option(
    "--to",
    "path",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to make; its suffix says the form: .parquet, .csv, .jsonl, .sqlite.",
)
@click.pass_obj
def export(config_dir: Path | None, what: str, path: Path) -> None:
    r"""Write WHAT (a table, a view, or one SELECT) to a file.

    WHAT is `llama-bench` for SQLite: every measured step in llama-bench's own schema, which
    llama.cpp's scripts/compare-llama-bench.py reads.

    \b
    herd export speed --to speed.csv
    herd export "select * from trials where depth > 0" --to depths.parquet
    herd export llama-bench --to llama-bench.sqlite
    """
    if (path.suffix in _SQLITE) != (what == BENCH):
        raise click.UsageError(f"SQLite is for {BENCH}: herd export {BENCH} --to FILE.sqlite")
    if path.suffix not in (*WRITERS, *_SQLITE):
        known = ", ".join((*WRITERS, _SQLITE[0]))
        raise click.UsageError(f"'{path.suffix}' of --to is no known form: {known}")
    with connect(warehouse_storage(config_dir)) as connection, appearing(path) as target:
        if what == BENCH:
            count = write_llama_bench(connection, target)
        else:
            answer = connection.query(_query(connection, what))
            WRITERS[path.suffix](answer, target)
            count = answer.num_rows
    click.echo(f"{path}: {count} rows")


def _query(connection: Connection, what: str) -> str:
    if not what.strip().isidentifier():
        return what
    name = what.strip()
    if name not in {view.name for view in connection.list_views()}:
        raise click.UsageError(f"no view or table '{name}'; `herd views` lists them")
    return f"SELECT * FROM {name}"  # noqa: S608 - a name that is there
