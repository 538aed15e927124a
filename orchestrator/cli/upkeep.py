"""`herd compact` and `herd gc`: fewer files, and none that nobody needs."""

from datetime import UTC, datetime
from pathlib import Path

import click

from orchestrator.cli.output import format_option, print_table
from orchestrator.settings import warehouse_config, warehouse_storage
from orchestrator.upkeep import keeping, look_for_garbage, thinning

_wait = click.option("--wait", is_flag=True, help="Wait while a sweep writes.")


def _tell(line: str) -> None:
    click.echo(line, err=True)


@click.command()
@_wait
@click.pass_obj
def compact(config_dir: Path | None, wait: bool) -> None:
    """Make one file a table of each day's many; a sweep does so by itself when they are many."""
    storage = warehouse_storage(config_dir)
    with keeping(storage, "compact", wait=wait, tell=_tell) as warehouse:
        done = warehouse.compact()
    days = len(done.manifests)
    click.echo(f"{done.files} files of {days} days compacted, {done.rows} rows")
    for path, why in done.skipped:
        _tell(f"herd: {storage.name(path)} stays as it is: {why}")


@click.command()
@click.option("--yes", is_flag=True, help="Do it; without, only show it.")
@_wait
@format_option
@click.pass_obj
def gc(config_dir: Path | None, yes: bool, wait: bool, output: str) -> None:
    """Show, and with --yes remove, what nobody needs: superseded files, what killed processes left.

    Telemetry older than warehouse.telemetry_keep_days is thinned; trials never are.
    """
    storage = warehouse_storage(config_dir)
    kept = thinning(warehouse_config(config_dir), datetime.now(UTC))
    found = look_for_garbage(storage, kept, datetime.now(UTC))
    print_table(("what", "why", "files"), found.lines(), output)
    if not yes:
        _tell(f"{len(found.removals)} files to remove: nothing was changed; --yes does it")
        return
    with keeping(storage, "gc", wait=wait, tell=_tell) as warehouse:
        removed = len(warehouse.remove())
        thinned = warehouse.compact(thinning=kept)
    _tell(f"{removed} files removed, telemetry of {len(thinned.manifests)} days thinned")
