"""`herd plan`: what `herd sweep` would do."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import click

from orchestrator.cli.output import format_option, print_table
from orchestrator.memory.tables import LAUNCH_COLUMNS, launch_rows
from orchestrator.placement import Planned
from orchestrator.plan import Plan
from orchestrator.progress import duration
from orchestrator.session import plan_command, read_command

COLUMNS = (
    "order", "model", "quant", "context", "cache", "pairing", "workload", "other",
    "host", "devices", "split", "decision", "reason", "predicted_s", "predicted_tg_tok_s",
    "predicted_from", "memory", "cell_id",
)  # fmt: skip
MEMORY_COLUMNS = ("cells", *LAUNCH_COLUMNS)
"""Of the table below, a row a device: MiB by part, what is needed of it at once, what is free."""


@click.command()
@click.argument("overrides", nargs=-1)
@click.option("--force", is_flag=True, help="As for `herd sweep --force`.")
@format_option
@click.pass_obj
def plan(config_dir: Path | None, overrides: tuple[str, ...], force: bool, output: str) -> None:
    """Show the plan of a sweep without running it; never starts Ray."""
    command = read_command(overrides, config_dir)
    session = plan_command(command, force=force, tell=lambda line: click.echo(line, err=True))
    cells = session.plan.cells
    print_table(COLUMNS, [_row(i, cell, output) for i, cell in enumerate(cells)], output)
    if output == "table":
        _print_memory(session.plan)
        counts = {d: session.plan.count(d) for d in ("run", "cached", "pruned")}
        told = ", ".join(f"{number} {decision}" for decision, number in counts.items())
        launches = len(session.plan.launches())
        click.echo(f"\n{len(cells)} cells: {told}; {launches} server start(s)")
        click.echo(_end(session.plan))


def _print_memory(plan: Plan) -> None:
    """Predicted memory of each server configuration, named by the cells that run on it."""
    orders: dict[str, list[int]] = {}
    for order, cell in enumerate(plan.cells):
        orders.setdefault(cell.server.server_id, []).append(order)
    first = {cell.server.server_id: cell.outlook for cell in reversed(plan.cells) if cell.outlook}
    rows = [
        (_spans(orders[server_id]), *row)
        for server_id in orders
        if server_id in first
        for row in launch_rows(first[server_id])
    ]
    if rows:
        click.echo("\nPredicted memory, MiB")
        print_table(MEMORY_COLUMNS, rows, "table")


def _spans(orders: list[int]) -> str:
    """Orders of cells, as 0-2,7."""
    spans: list[list[int]] = []
    for order in orders:
        if spans and order == spans[-1][1] + 1:
            spans[-1][1] = order
        else:
            spans.append([order, order])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in spans)


def _row(order: int, cell: Planned, output: str) -> tuple[object, ...]:
    spec, forecast = cell.spec, cell.forecast
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
        ",".join(device.name for device in cell.pairing.devices) or _no_devices(cell),
        "/".join(f"{part:g}" for part in cell.pairing.split),
        cell.decision,
        cell.reason or _missing(cell) or cell.note or "",
        round(forecast.seconds, 1) if forecast and forecast.seconds else None,
        round(forecast.tg_tok_s, 1) if forecast and forecast.tg_tok_s else None,
        forecast.basis if forecast else "",
        _memory(cell, output),
        cell.cell_id,
    )


def _memory(cell: Planned, output: str) -> object:
    """In a table what each device needs of what is free; else all parts of all devices."""
    outlook = cell.outlook
    if outlook is None:
        return "" if output == "table" else None
    if output != "table":
        parts = [dict(zip(LAUNCH_COLUMNS, row, strict=True)) for row in launch_rows(outlook)]
        return parts if output == "json" else json.dumps(parts)
    return " ".join(
        f"{device} {outlook.prediction.needed_mib(device):,.0f}"
        + (f"/{outlook.free_mib[device]:,.0f}" if device in outlook.free_mib else "")
        for device in outlook.prediction.totals
    )


def _no_devices(cell: Planned) -> str:
    """A pattern that found no devices is no CPU run."""
    return "CPU" if cell.pairing.pattern == "cpu" else ""


def _missing(cell: Planned) -> str:
    """What will make the cell fail, as far as it can be seen."""
    if cell.file.sha256 is None and cell.spec.model.path is None:
        return f"no file here: herd models fetch {cell.spec.model.name} {cell.spec.quant}"
    return "" if cell.build else "no usable engine here: herd doctor says why"


def _end(plan: Plan) -> str:
    estimate = plan.estimate()
    if not plan.count("run"):
        return "nothing to run"
    if not estimate.seconds:
        return "no history yet: times are unknown"
    unknown = f", and {estimate.unknown} launch(es) of unknown time" if estimate.unknown else ""
    end = datetime.now().astimezone() + timedelta(seconds=estimate.seconds)
    return f"about {duration(estimate.seconds)}{unknown}; begun now, until {end:%Y-%m-%d %H:%M}"
