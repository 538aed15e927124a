"""From the launches of a calibration to its rows. Pure."""

from collections.abc import Sequence

from orchestrator.launch_speeds import LaunchSpeeds, by_step
from warehouse import rows
from warehouse.calibration import Agreement, LaunchNoise, agreement, launch_noise
from workers.workloads.llama_bench.config import LlamaBenchConfig


def calibration_rows(
    found: Sequence[LaunchSpeeds], calibration_id: str
) -> tuple[rows.Calibration, ...]:
    """A row for each step's noise, and one for its agreement where llama-bench took it too.

    Args:
        found: the launches of the calibration, in order.
        calibration_id: what its rows share.
    """
    theirs: dict[tuple[str, str, int], list[LaunchSpeeds]] = {}
    ours: list[LaunchSpeeds] = []
    for each in found:
        if each.workload == LlamaBenchConfig.NAME:
            theirs.setdefault((each.server_id, each.step, each.depth), []).append(each)
        else:
            ours.append(each)
    made = []
    for launches in by_step(ours).values():
        noise = launch_noise([each.speeds for each in launches])
        if noise is not None:
            first = launches[0]
            bench = theirs.get((first.server_id, first.step, first.depth), [])
            made += _step(launches, noise, bench, calibration_id)
    return tuple(made)


def _step(
    launches: Sequence[LaunchSpeeds],
    noise: LaunchNoise,
    bench: Sequence[LaunchSpeeds],
    calibration_id: str,
) -> list[rows.Calibration]:
    made = [_row(launches, noise, (), None, calibration_id)]
    agreed = agreement(
        [each.speeds for each in launches],
        [each.speeds for each in bench],
        floor_pct=noise.floor_pct,
    )
    if agreed is not None:
        made.append(_row(launches, noise, bench, agreed, calibration_id))
    return made


def _row(
    launches: Sequence[LaunchSpeeds],
    noise: LaunchNoise,
    bench: Sequence[LaunchSpeeds],
    agreed: Agreement | None,
    calibration_id: str,
) -> rows.Calibration:
    first = launches[0]
    return rows.Calibration(
        calibration_id=calibration_id,
        kind="llama_bench" if agreed else "a_a",
        calibrated_at=max(each.ended_at for each in (*launches, *bench)),
        host_id=first.host_id,
        hardware_class=first.hardware_class,
        engine_build=first.engine_build,
        engine_sha256=first.engine_sha256,
        bench_build=bench[0].build if bench else None,
        server_id=first.server_id,
        cell_ids=tuple(dict.fromkeys(each.cell_id for each in (*launches, *bench))),
        launch_ids=tuple(each.launch_id for each in launches),
        bench_launch_ids=tuple(each.launch_id for each in bench),
        metric=first.kind,
        step=first.step,
        depth=first.depth,
        launches=agreed.pairs if agreed else noise.launches,
        tok_s=noise.tok_s,
        between_sd_pct=noise.between_sd_pct,
        within_sd_pct=noise.within_sd_pct,
        floor_pct=noise.floor_pct,
        difference_pct=agreed.difference_pct if agreed else None,
        low_pct=agreed.low_pct if agreed else None,
        high_pct=agreed.high_pct if agreed else None,
        verdict=agreed.verdict if agreed else None,
    )
