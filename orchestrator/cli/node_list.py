"""`herd node list` and `herd node show`."""

from dataclasses import asdict
from pathlib import Path

import click

from orchestrator.cli.output import format_option, print_table
from orchestrator.fleet.listing import Listed
from orchestrator.fleet.reading import read_fleet
from orchestrator.settings import warehouse_storage
from warehouse.errors import FleetError

_COLUMNS = ("node", "state", "address", "gpus", "engine", "driver", "runs", "last_seen_utc")


@click.command("list")
@format_option
@click.pass_obj
def list_nodes(config_dir: Path | None, output: str) -> None:
    """Show the hosts of the fleet: whether they are there, what they have, what they run."""
    fleet = _fleet(config_dir)
    if not fleet and output == "table":
        click.echo("no node yet: this host alone measures; `herd node add LABEL --ssh USER@HOST`")
        return
    print_table(_COLUMNS, [_row(one) for one in fleet], output)


@click.command("show")
@click.argument("label")
@format_option
@click.pass_obj
def show_node(config_dir: Path | None, label: str, output: str) -> None:
    """Show all that is known of the host LABEL."""
    fleet = {one.label: one for one in _fleet(config_dir)}
    if label not in fleet:
        raise FleetError(f"no node '{label}' in the fleet; `herd node list` shows them")
    facts = {**asdict(fleet[label]), "gpus": ", ".join(fleet[label].gpus)}
    facts["last_seen"] = _time(fleet[label])
    print_table(("fact", "value"), list(facts.items()), output)


def _fleet(config_dir: Path | None) -> list[Listed]:
    fleet, problem = read_fleet(warehouse_storage(config_dir))
    if problem:
        click.echo(f"herd: {problem}", err=True)
    return fleet


def _row(one: Listed) -> tuple[object, ...]:
    gpus = ", ".join(one.gpus) or ("none" if one.hardware else None)
    return (
        *(one.label, one.state, one.address, gpus, one.engine, one.driver, one.runs),
        _time(one),
    )


def _time(one: Listed) -> str:
    return one.last_seen.strftime("%Y-%m-%d %H:%M:%S") if one.last_seen else "now"
