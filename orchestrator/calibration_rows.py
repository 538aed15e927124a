"""From the launches of a calibration to its rows. Pure."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

from orchestrator.launch_speeds import LaunchSpeeds, by_step
from orchestrator.side_by_side import beside_of, groups_of
from warehouse import rows
from warehouse.calibration import Agreement, LaunchNoise, agreement, launch_noise
from workers.workloads.llama_bench.config import LlamaBenchConfig


def calibration_rows(
    found: Sequence[LaunchSpeeds], calibration_id: str
) -> tuple[rows.Calibration, ...]:
    """For each step a row of its noise, and rows of its agreement with what was measured beside.

    That is llama-bench, and launches of the same cell side by side.

    Args:
        found: the launches of the calibration, in order.
        calibration_id: what its rows share.
    """
    alone = [each for each in found if beside_of(each) == 1]
    bench = [each for each in alone if each.workload == LlamaBenchConfig.NAME]
    made: list[rows.Calibration] = []
    for launches in by_step(each for each in alone if each not in bench).values():
        noise = launch_noise([each.speeds for each in launches])
        if noise is not None:
            made += _step(launches, noise, bench, found, calibration_id)
    return tuple(made)


def _step(
    launches: Sequence[LaunchSpeeds],
    noise: LaunchNoise,
    bench: Sequence[LaunchSpeeds],
    found: Sequence[LaunchSpeeds],
    calibration_id: str,
) -> list[rows.Calibration]:
    first = launches[0]
    own = [each for each in bench if each.server_id == first.server_id and _same(each, first)]
    company = [each for each in found if beside_of(each) > 1 and _same(each, first)]
    groups = groups_of([each for each in company if each.workload == first.workload])
    made = [_row(launches, noise, (), calibration_id, kind="a_a")]
    for kind, other, theirs in (
        ("llama_bench", "llama-bench", [(each,) for each in own]),
        ("side_by_side", "side by side", groups),
    ):
        agreed = agreement(
            [each.speeds for each in launches],
            [tuple(chain.from_iterable(one.speeds for one in group)) for group in theirs],
            floor_pct=noise.floor_pct,
            other=other,
        )
        if agreed is not None:
            told = _agreed(agreed, theirs[0][0])
            made.append(_row(launches, noise, theirs, calibration_id, kind=kind, **told))
    return made


def _same(each: LaunchSpeeds, first: LaunchSpeeds) -> bool:
    return (each.step, each.depth) == (first.step, first.depth)


def _agreed(agreed: Agreement, theirs: LaunchSpeeds) -> dict[str, Any]:
    beside = beside_of(theirs)
    return {
        "bench_build": theirs.build if beside == 1 else None,
        "launches": agreed.pairs,
        "difference_pct": agreed.difference_pct,
        "low_pct": agreed.low_pct,
        "high_pct": agreed.high_pct,
        "verdict": agreed.verdict,
        "agrees": agreed.agrees,
        "beside": beside if beside > 1 else None,
    }


def _row(
    ours: Sequence[LaunchSpeeds],
    noise: LaunchNoise,
    theirs: Sequence[Sequence[LaunchSpeeds]],
    calibration_id: str,
    **told: Any,
) -> rows.Calibration:
    first, others = ours[0], list(chain.from_iterable(theirs))
    columns: dict[str, Any] = {
        "calibration_id": calibration_id,
        "calibrated_at": max(each.ended_at for each in (*ours, *others)),
        "host_id": first.host_id,
        "hardware_class": first.hardware_class,
        "engine_build": first.engine_build,
        "engine_sha256": first.engine_sha256,
        "bench_build": None,
        "server_id": first.server_id,
        "cell_ids": tuple(dict.fromkeys(each.cell_id for each in (*ours, *others))),
        "launch_ids": tuple(each.launch_id for each in ours),
        "bench_launch_ids": tuple(each.launch_id for each in others),
        "metric": first.kind,
        "step": first.step,
        "depth": first.depth,
        "launches": noise.launches,
        "tok_s": noise.tok_s,
        "between_sd_pct": noise.between_sd_pct,
        "within_sd_pct": noise.within_sd_pct,
        "floor_pct": noise.floor_pct,
        **dict.fromkeys(("difference_pct", "low_pct", "high_pct", "verdict")),
    }
    return rows.Calibration(**(columns | told))
