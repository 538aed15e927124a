"""`herd plan`: what `herd sweep` would do."""

from pathlib import Path

import click

from orchestrator.cli.output import format_option, print_table
from orchestrator.plan import Planned
from orchestrator.session import plan_command, read_command

COLUMNS = (
    "order", "model", "quant", "context", "cache", "pairing", "workload", "other",
    "host", "devices", "decision", "reason", "cell_id",
)  # fmt: skip


@click.command()
@click.argument("overrides", nargs=-1)
@click.option("--force", is_flag=True, help="As for `herd sweep --force`.")
@format_option
@click.pass_obj
def plan(config_dir: Path | None, overrides: tuple[str, ...], force: bool, output: str) -> None:
    """Show the plan of a sweep without running it; never starts Ray."""
    session = plan_command(read_command(overrides, config_dir), force=force)
    cells = session.plan.cells
    print_table(COLUMNS, [_row(i, cell) for i, cell in enumerate(cells)], output)
    if output == "table":
        counts = {d: session.plan.count(d) for d in ("run", "cached", "pruned")}
        told = ", ".join(f"{number} {decision}" for decision, number in counts.items())
        launches = len(session.plan.launches())
        click.echo(f"\n{len(cells)} cells: {told}; {launches} server start(s)")


def _row(order: int, cell: Planned) -> tuple[object, ...]:
    spec = cell.spec
    return (
        order,
        spec.model.name,
        spec.quant,
        spec.context,
        f"{spec.cache_k}/{spec.cache_v}",
        cell.pairing.pattern,
        spec.workload.name,
        " ".join(f"{key}={value}" for key, value in spec.other_axes),
        ",".join(cell.hosts),
        ",".join(device.name for device in cell.pairing.devices) or "CPU",
        cell.decision,
        cell.reason or "",
        cell.cell_id,
    )
