"""`herd compare`: two values of one axis, with a verdict only outside the noise."""

from pathlib import Path

import click

from orchestrator.cli.output import format_option, print_table
from orchestrator.comparing import CalibratedStep, ComparedPoint, answer, parse_question
from orchestrator.launch_speeds import read_launch_speeds
from orchestrator.settings import warehouse_root
from warehouse.connection import Connection, connect
from warehouse.errors import HerdError

COLUMNS = (
    "model", "quant", "context", "cache", "pairing", "host", "engine", "step", "depth",
    "a_launches", "b_launches", "a_tok_s", "b_tok_s", "difference_pct", "low_pct", "high_pct",
    "floor_pct", "verdict",
)  # fmt: skip
_NOISE = """\
select host_id, engine_sha256, server_id, metric, step, depth, between_sd_pct, launches
from noise"""


@click.command()
@click.argument("words", nargs=-1, metavar="KEY=A KEY=B [FILTER...]")
@format_option
@click.pass_obj
def compare(config_dir: Path | None, words: tuple[str, ...], output: str) -> None:
    r"""Compare two values of one axis wherever everything else is alike.

    The axis is model, quant, context, cache, pairing, split, host, hardware_class, engine,
    engine_build, workload, or engine.FIELD and workload.FIELD; filters may also name step, kind
    (pp, tg) and depth. B is faster or slower than A; an interval holds the difference with 95 %
    confidence, all rows together.

    \b
    herd compare quant=Q4_0 quant=Q8_0
    herd compare cache=f16/f16 cache=q8_0/q4_0 context=8k kind=tg
    """
    question = parse_question(words)
    with connect(warehouse_root(config_dir)) as connection:
        points = answer(question, read_launch_speeds(connection), _calibrated(connection))
    if not points:
        raise HerdError(
            f"nothing was measured with both {question.axis}={question.a} and "
            f"{question.axis}={question.b}, all else alike"
        )
    lines = [_line(point) for point in points]
    print_table(COLUMNS, sorted(lines, key=lambda line: tuple(map(str, line[:9]))), output)


def _calibrated(connection: Connection) -> list[CalibratedStep]:
    return [CalibratedStep(**row) for row in connection.query(_NOISE).to_pylist()]


def _line(point: ComparedPoint) -> tuple[object, ...]:
    a, b, result = point.a[0], point.b[0], point.result
    told: dict[str, tuple[object, object]] = {
        "model": (a.model, b.model),
        "quant": (a.quant, b.quant),
        "context": (a.context, b.context),
        "cache": (f"{a.cache_k}/{a.cache_v}", f"{b.cache_k}/{b.cache_v}"),
        "pairing": (a.pairing, b.pairing),
        "host": (a.host_id, b.host_id),
        "engine": (a.engine, b.engine),
    }
    return (
        *(one if one == other else f"{one} : {other}" for one, other in told.values()),
        *(a.step, a.depth, len(point.a), len(point.b), result.a, result.b),
        *(result.difference_pct, result.low_pct, result.high_pct, result.floor_pct),
        result.verdict,
    )
