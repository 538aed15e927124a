"""`herd import`: what others measured, beside what herd measures."""

import os
import socket
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from orchestrator.config import load_catalogue
from orchestrator.settings import warehouse_storage
from warehouse.imports.importing import Outcome, add, parse_file
from warehouse.imports.record import shipped_records
from warehouse.imports.runs import Given
from warehouse.lock import Holder
from warehouse.store import writing


@click.command(name="import")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option("--host", "host_id", help="Label of the host that was measured, for FILEs.")
@click.option("--records", is_flag=True, help="Import the hand-written records shipped with herd.")
@click.option("--wait", is_flag=True, help="Wait while a sweep holds the warehouse.")
@click.pass_obj
def import_files(
    config_dir: Path | None,
    files: tuple[Path, ...],
    host_id: str | None,
    records: bool,
    wait: bool,
) -> None:
    r"""Import FILEs of llama-bench (csv, json, jsonl, sql, SQLite) and llama-benchy (json).

    Their rows stand in the same tables and views as measured ones, with their source. A file that
    comes again adds nothing.

    \b
    herd import llama-bench.jsonl --host workstation
    herd import --records
    """
    paths = (*files, *(shipped_records() if records else ()))
    if not paths:
        raise click.UsageError("name a FILE, or --records for those shipped with herd")
    given = Given(host_id, _catalogued(config_dir))
    parsed = [parse_file(path, given) for path in paths]
    storage = warehouse_storage(config_dir)
    now = datetime.now(UTC)
    holder = Holder(pid=os.getpid(), host=socket.gethostname(), what="import", since=now)
    with writing(
        storage, holder, wait=wait, on_wait=lambda other: click.echo(f"waiting: {other}", err=True)
    ) as warehouse:
        for path, each in zip(paths, parsed, strict=True):
            click.echo("\n".join(_lines(path, add(storage, warehouse, each, now))))


def _catalogued(config_dir: Path | None) -> dict[str, tuple[str, str]]:
    """Model files of the catalogue, so that their rows stand beside measured ones."""
    return {
        file.file: (model.name, quant)
        for model in load_catalogue(config_dir).values()
        for quant, file in model.files.items()
    }


def _lines(path: Path, outcome: Outcome) -> Sequence[str]:
    row = outcome.row
    if outcome.before is not None:
        return [f"{path}: imported on {outcome.before:%Y-%m-%d}, nothing added"]
    said = f"{path}: {row.source} {row.form}, {row.cells} cells with {row.trials} trials added"
    known = f", {outcome.known} known already" if outcome.known else ""
    return [said + known, *(f"  {note}" for note in outcome.notes)]
