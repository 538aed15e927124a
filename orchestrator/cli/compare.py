"""`herd compare`: values of one axis, with a verdict only outside the noise."""

from collections.abc import Sequence
from pathlib import Path

import click

from orchestrator.cli.compare_tables import (
    HISTORY,
    POINTS,
    SUMMARY,
    Rows,
    history_rows,
    notes,
    point_rows,
    summary_rows,
    without_alike,
)
from orchestrator.cli.output import format_option, print_table
from orchestrator.comparing import builds
from orchestrator.comparing.axes import axis_of
from orchestrator.comparing.compared import Versus, answer, match_all
from orchestrator.comparing.points import nearest_difference
from orchestrator.comparing.question import Question, parse_question
from orchestrator.comparing.reading import Facts, read_builds, read_facts, read_speeds
from orchestrator.comparing.summary import summarise
from orchestrator.settings import warehouse_storage
from warehouse.connection import connect
from warehouse.errors import HerdError


@click.command()
@click.argument("words", nargs=-1, metavar="[KEY=A KEY=B...] [FILTER...]")
@click.option("--by", metavar="KEY", help="Compare all values of this axis that were measured.")
@click.option("--summary", is_flag=True, help="Only the head: one row a figure, with its winner.")
@format_option
@click.pass_obj
def compare(
    config_dir: Path | None, words: tuple[str, ...], by: str | None, summary: bool, output: str
) -> None:
    r"""Compare values of one axis wherever everything else is alike.

    The axis is model, quant, context, cache, pairing, split, host, hardware_class, engine,
    engine_build, workload, source, or engine.FIELD and workload.FIELD; filters may also name step,
    kind (pp, tg) and depth. The first value is the baseline; with --by it is the one with the most
    launches. B is faster or slower than A; an interval holds the difference with 95 % confidence,
    all rows of a table together. The head has a row for each figure: file size, speed, time to
    first token, energy, memory, quality and success at tasks (differences in points); the table
    below it has the speeds point by point. As csv or json it is one of the two.

    `--by engine_build` looks for steps over the builds in their order, and names the builds before
    and after.

    \b
    herd compare quant=Q4_0 quant=Q8_0
    herd compare cache=f16/f16 cache=q8_0/q4_0 context=8k kind=tg
    herd compare --by engine_build quant=Q4_0
    """
    question = parse_question(words, by)
    with connect(warehouse_storage(config_dir)) as connection:
        if by == builds.AXIS:
            _print_history(question, read_speeds(connection), read_builds(connection), output)
        else:
            _print_comparison(question, read_facts(connection), summary, output)


def _print_history(
    question: Question, facts: Facts, known: list[builds.Build], output: str
) -> None:
    found = builds.histories(question, facts.speeds, known, facts.calibrated)
    if not found:
        raise HerdError("nothing was measured with two builds of the engine, all else alike")
    _print(HISTORY, history_rows(found), output)
    _print_notes(notes(found))


def _print_comparison(question: Question, facts: Facts, summary: bool, output: str) -> None:
    versus = match_all(question, facts.speeds)
    lines = summarise(question, versus, facts)
    if not lines:
        raise HerdError(_nothing(question, versus))
    points = answer(versus, facts.calibrated)
    if summary or output == "table":
        _print(SUMMARY, summary_rows(lines), output)
    if output == "table" and points and not summary:
        click.echo()
    if not summary and (points or output != "table"):
        _print(POINTS, point_rows(points), output)
    _print_notes(notes(points))


def _print(columns: Sequence[str], rows: Rows, output: str) -> None:
    if output == "table":
        alike, columns, rows = without_alike(columns, rows)
        click.echo(alike)
    print_table(columns, rows, output)


def _print_notes(told: list[str]) -> None:
    for note in told:
        click.echo(f"herd: {note}", err=True)


def _nothing(question: Question, versus: tuple[Versus, ...]) -> str:
    """Why nothing is compared: what was not measured, or what is not alike."""
    axis = question.axis
    if not versus:
        return f"fewer than two values of {axis} were measured"
    for each in versus:
        for value, launches in ((each.a, each.a_launches), (each.b, each.b_launches)):
            if not launches:
                return f"nothing was measured with {axis}={value}"
    first = versus[0]
    differs = nearest_difference(first.a_launches, first.b_launches, axis_of(axis))
    return (
        f"nothing was measured with both {axis}={first.a} and {axis}={first.b}, all else alike; "
        f"the nearest differ in {', '.join(differs)}"
    )
