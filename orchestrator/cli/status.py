"""`herd status`: past or live progress of a sweep, from any terminal."""

from datetime import UTC, datetime
from pathlib import Path
from socket import gethostname

import click
import psutil

from orchestrator.cli.output import format_option, print_arrow, tell_left_out
from orchestrator.progress import duration, summary
from orchestrator.progress_file import read_progress, state_of
from orchestrator.settings import warehouse_storage
from warehouse.connection import Connection, connect
from warehouse.storage import Storage

_SWEEPS = """\
select s.sweep_id, s.name, strftime(s.started_at, '%Y-%m-%d %H:%M') as started_utc,
       count(*) as cells, {counts}
from sweeps s join outcomes o using (sweep_id)
group by all order by s.sweep_id desc limit 20"""
_OUTCOMES = ("ok", "failed", "pruned", "cached", "cancelled", "pending")
_CELLS = """\
select plan_order as "order", model, quant, context, cache_k || '/' || cache_v as cache, pairing,
       workload, outcome, coalesce(failure_class, '') as failure_class,
       coalesce(reason, '') as reason
from outcomes where sweep_id = '{sweep_id}' order by plan_order"""


@click.command()
@click.argument("sweep_id", required=False)
@format_option
@click.pass_obj
def status(config_dir: Path | None, sweep_id: str | None, output: str) -> None:
    """Show the sweeps of the warehouse, or every cell of the one called SWEEP_ID.

    Reads the warehouse and the progress file of a running sweep; never starts Ray.
    """
    storage = warehouse_storage(config_dir)
    with connect(storage) as connection:
        if sweep_id is None:
            _print_sweeps(connection, output)
        else:
            _print_cells(connection, sweep_id, output)
        tell_left_out(connection.left_out)
    if output == "table":
        for line in _running(storage, sweep_id):
            click.echo(line)


def _print_sweeps(connection: Connection, output: str) -> None:
    counts = ", ".join(f"count(*) filter (outcome = '{o}') as {o}" for o in _OUTCOMES)
    print_arrow(connection.query(_SWEEPS.format(counts=counts)), output)


def _print_cells(connection: Connection, sweep_id: str, output: str) -> None:
    if not sweep_id.replace("-", "").isalnum():
        raise click.UsageError(f"'{sweep_id}' is no sweep id; `herd status` lists them")
    answer = connection.query(_CELLS.format(sweep_id=sweep_id))
    if not answer.num_rows:
        raise click.UsageError(f"no sweep '{sweep_id}'; `herd status` lists them")
    print_arrow(answer, output)


def _running(storage: Storage, sweep_id: str | None) -> list[str]:
    """Lines on the sweeps that run now, by their progress files."""
    lines = []
    for progress in read_progress(storage, sweep_id):
        if progress["ended"]:
            continue
        alive, state = state_of(progress, gethostname(), datetime.now(UTC), psutil.pid_exists)
        lines.append(
            f"{progress['sweep_id']} ({progress['name']}) {state}: {summary(progress['counts'])} "
            f"of {progress['total']}, about {duration(progress['left_s'])} left"
        )
        if alive:
            lines += [
                f"  {r['host_id']}: {r['cell']}: {r['step']} {r['done']}/{r['total']}"
                for r in progress["running"]
            ]
            lines += [f"  {host}: {words}" for host, words in progress["hosts"].items()]
    return lines
