"""`herd node drain` and `herd node remove`."""

from dataclasses import replace
from pathlib import Path

import click

from orchestrator.fleet.leaving import take_away
from orchestrator.fleet.reading import read_fleet
from orchestrator.fleet.registry import change_registry, read_registry
from orchestrator.settings import warehouse_storage
from warehouse.errors import FleetError


@click.command("drain")
@click.argument("label")
@click.option("--undo", is_flag=True, help="Give it work again.")
@click.pass_obj
def drain_node(config_dir: Path | None, label: str, undo: bool) -> None:
    """Let the host LABEL finish what it runs, and give it no more."""
    change_registry(
        lambda registry: registry.with_node(replace(registry.node(label), drained=not undo))
    )
    runs = _running(config_dir, label)
    told = "takes work again" if undo else "takes no more work"
    click.echo(f"{label} {told}" + (f"; it runs {runs}" if runs else ""))


@click.command("remove")
@click.argument("label")
@click.option("--force", is_flag=True, help="Even while it measures: that cell is measured anew.")
@click.pass_obj
def remove_node(config_dir: Path | None, label: str, force: bool) -> None:
    """Take the host LABEL out of the fleet, and what herd put there away."""
    record = read_registry().node(label)
    runs = _running(config_dir, label)
    if runs and not force:
        raise FleetError(
            f"{label} runs {runs}: `herd node drain {label}` lets it finish; --force does not wait"
        )
    click.echo(take_away(record))


def _running(config_dir: Path | None, label: str) -> str | None:
    """What it measures now; None: nothing, or it is away."""
    fleet, _ = read_fleet(warehouse_storage(config_dir))
    return next((one.runs for one in fleet if one.label == label), None)
