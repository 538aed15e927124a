"""`herd sweep`: run, or continue, a sweep."""

import sys
from pathlib import Path

import click

from orchestrator.cli.output import print_arrow
from orchestrator.session import read_command
from orchestrator.summaries import summary_queries
from orchestrator.sweep import run_sweep
from warehouse.connection import connect


@click.command()
@click.argument("overrides", nargs=-1)
@click.option("--force", is_flag=True, help="Measure anew what is cached, as a new attempt.")
@click.option("--wait", is_flag=True, help="Wait while another sweep holds warehouse or host.")
@click.pass_obj
def sweep(config_dir: Path | None, overrides: tuple[str, ...], force: bool, wait: bool) -> None:
    r"""Run (or continue) a sweep.

    OVERRIDES are Hydra's: key=value sets, a comma list, range() or glob() is an axis,
    +sweep=NAME is a preset. The same command again continues where it stopped.

    \b
    herd sweep +sweep=demo
    herd sweep quant=Q4_0,Q8_0 context=4096,8k cache=f16/f16,q8_0/q4_0
    herd sweep model=file model.path=/models/x.gguf engine.binary=/opt/llama-server
    """
    command = read_command(overrides, config_dir)
    result = run_sweep(command, force=force, wait=wait, tell=click.echo)
    workloads = {cell.workload.name for cell in command.cells}
    with connect(command.storage) as connection:
        for query in summary_queries(result.sweep_id, workloads):
            print_arrow(connection.query(query), "table")
            click.echo(f"\nThe table is the answer of `herd sql` to\n{query}\n")
    if result.interrupted:
        click.echo("herd: stopped; the same command continues the sweep", err=True)
        sys.exit(130)
