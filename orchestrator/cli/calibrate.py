"""`herd calibrate`: this host's noise floor, and its agreement with llama-bench."""

import sys
from pathlib import Path

import click

from orchestrator.calibrate import calibrate as run_calibration
from orchestrator.cli.output import format_option, print_table
from orchestrator.session import read_command
from warehouse import rows
from warehouse.errors import HerdError

COLUMNS = (
    "step", "depth", "launches", "tok_s", "between_sd_pct", "within_sd_pct", "floor_pct",
    "llama_bench_pct", "low_pct", "high_pct", "llama_bench", "side_by_side_pct", "side_by_side",
)  # fmt: skip
PRESET = "+sweep=calibrate"


@click.command()
@click.argument("overrides", nargs=-1)
@click.option("--wait", is_flag=True, help="Wait while another sweep holds warehouse or host.")
@format_option
@click.pass_obj
def calibrate(config_dir: Path | None, overrides: tuple[str, ...], wait: bool, output: str) -> None:
    r"""Measure how much launches of one and the same server differ on this host.

    OVERRIDES are those of `herd sweep`; without a preset, +sweep=calibrate is it. Where
    engine.bench_binary names a llama-bench, it runs in turns with the server; with plan.beside=2
    two at once do, on GPUs of their own: whether sweeps may run launches side by side.

    \b
    herd calibrate
    herd calibrate pairing=single plan.beside=2
    herd calibrate model=file model.path=/models/x.gguf engine.binary=/opt/llama-server \
        engine.bench_binary=/opt/llama-bench plan.launches=8
    """
    named = any(each.startswith("+sweep=") for each in overrides)
    command = read_command(overrides if named else (PRESET, *overrides), config_dir)
    result = run_calibration(command, wait=wait, tell=lambda line: click.echo(line, err=True))
    if not result.steps:
        raise HerdError('too few launches succeeded: herd sql "select * from failures" says why')
    print_table(COLUMNS, _lines(result.steps), output)
    if result.sweep.interrupted:
        click.echo("herd: stopped; what was measured is calibrated", err=True)
        sys.exit(130)


def _lines(steps: tuple[rows.Calibration, ...]) -> list[tuple[object, ...]]:
    """A line for each step: its noise, what llama-bench says, and what company does to it."""
    found = {(s.kind, s.cell_ids[0], s.step, s.depth): s for s in steps}
    return [
        (
            *(s.step, s.depth, s.launches, s.tok_s, s.between_sd_pct, s.within_sd_pct),
            s.floor_pct,
            *_agreement(found.get(("llama_bench", s.cell_ids[0], s.step, s.depth))),
            *_company(found.get(("side_by_side", s.cell_ids[0], s.step, s.depth))),
        )
        for s in steps
        if s.kind == "a_a"
    ]


def _agreement(step: rows.Calibration | None) -> tuple[object, ...]:
    if step is None:
        return None, None, None, "not measured"
    return step.difference_pct, step.low_pct, step.high_pct, step.verdict


def _company(step: rows.Calibration | None) -> tuple[object, ...]:
    return (None, "not measured") if step is None else (step.difference_pct, step.verdict)
