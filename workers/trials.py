"""From a measurement to a row of `trials`: rates and validity, from raw columns only."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from math import isfinite

import numpy as np

from warehouse import rows
from warehouse.statistics import outliers
from workers.disturbance import clock_baselines, disturbances
from workers.engine.completion import Timings, inter_token_ms
from workers.measure import MeasureConfig
from workers.spans import SpanSummary
from workers.workloads.base import Asked, Measured


def took_time(time_ms: float | None) -> bool:
    """Whether the server gave a time that can be: none, negative ones and NaN cannot."""
    return time_ms is not None and isfinite(time_ms) and time_ms > 0


def prompt_rate(timings: Timings) -> float | None:
    """Prompt tokens per second: `prompt_n / prompt_ms`."""
    if not timings.prompt_n or not timings.prompt_ms or not took_time(timings.prompt_ms):
        return None
    return timings.prompt_n / timings.prompt_ms * 1000


def generation_rate(timings: Timings) -> float | None:
    """Generated tokens per second: `(predicted_n - 1) / predicted_ms`.

    `predicted_ms` starts when the first token is there: that one is paid by `prompt_ms`. The
    server's own rate counts n tokens in old builds and n - 1 in new ones, so it is not used.
    """
    if not timings.predicted_n or timings.predicted_n < 2:
        return None
    if not timings.predicted_ms or not took_time(timings.predicted_ms):
        return None
    return (timings.predicted_n - 1) / timings.predicted_ms * 1000


def rate(kind: str, timings: Timings) -> float | None:
    """What a trial of that kind (pp or tg) measures, tokens per second."""
    return prompt_rate(timings) if kind == "pp" else generation_rate(timings)


def judge(
    asked: Asked,
    timings: Timings,
    *,
    stop_type: str,
    truncated: bool,
    marks: Collection[str] = (),
    invalid_when: Collection[str] = (),
) -> str | None:
    """Why a trial does not count, or None if it does.

    Args:
        asked: what was asked for.
        timings: what the server says it did.
        stop_type: why the server stopped.
        truncated: whether the context was full.
        marks: what disturbed it, by `disturbance.disturbances`.
        invalid_when: those of them that make it invalid.
    """
    wrong_count = _wrong_count(asked, timings)
    if wrong_count:
        return wrong_count
    if truncated:
        return "the context was full: truncated"
    if stop_type != "limit":
        return f"stopped by {stop_type or 'nothing known'}, not by the limit asked for"
    if not took_time(timings.prompt_ms):
        return "no prompt time"
    if asked.predicted_n > 1 and not took_time(timings.predicted_ms):
        return "no generation time"
    against = [mark for mark in marks if mark in invalid_when]
    return f"disturbed: {', '.join(against)}" if against else None


def _wrong_count(asked: Asked, timings: Timings) -> str | None:
    # Asked for nothing, the server still samples one token and says so.
    predicted = {0, 1} if asked.predicted_n == 0 else {asked.predicted_n}
    if timings.cache_n != asked.depth:
        return f"cache_n is {timings.cache_n}, asked for {asked.depth}"
    if timings.prompt_n != asked.prompt_n:
        return f"prompt_n is {timings.prompt_n}, asked for {asked.prompt_n}"
    if timings.predicted_n not in predicted:
        return f"predicted_n is {timings.predicted_n}, asked for {asked.predicted_n}"
    return None


def trial_rows(
    cell_id: str,
    attempt: int,
    measured: Sequence[Measured],
    spans: Sequence[SpanSummary],
    config: MeasureConfig,
) -> tuple[rows.Trial, ...]:
    """The rows of a cell's trials, each judged against the others' clocks."""
    steps = [(one.asked.step, one.asked.depth) for one in measured]
    baselines = clock_baselines(zip(steps, spans, strict=True))
    return with_outliers(
        trial_row(
            cell_id,
            attempt,
            one,
            span,
            marks=disturbances(span, baselines.get(step), config),
            invalid_when=config.invalid_when,
        )
        for one, span, step in zip(measured, spans, steps, strict=True)
    )


def with_outliers(trials: Iterable[rows.Trial]) -> tuple[rows.Trial, ...]:
    """The trials, each told whether it lies apart from the valid ones of its step and depth."""
    judged = list(trials)
    groups: dict[tuple[str, int], list[int]] = {}
    for place, trial in enumerate(judged):
        if trial.valid and speed_of(trial) is not None:
            groups.setdefault((trial.step, trial.depth), []).append(place)
    for places in groups.values():
        apart = outliers([speed_of(judged[place]) or 0.0 for place in places])
        for place, outlier in zip(places, apart, strict=True):
            judged[place] = replace(judged[place], outlier=outlier)
    return tuple(judged)


def speed_of(trial: rows.Trial) -> float | None:
    """The speed that a trial measures, tokens per second."""
    return trial.pp_tok_s if trial.kind == "pp" else trial.tg_tok_s


def trial_row(
    cell_id: str,
    attempt: int,
    measured: Measured,
    span: SpanSummary,
    *,
    marks: Collection[str] = (),
    invalid_when: Collection[str] = (),
) -> rows.Trial:
    """The row of a finished trial."""
    asked, completion = measured.asked, measured.completion
    timings = completion.answer.timings
    p50, p95, p99 = percentiles(inter_token_ms(completion.answer.arrivals))
    reason = judge(
        asked,
        timings,
        stop_type=completion.answer.stop_type,
        truncated=completion.answer.truncated,
        marks=marks,
        invalid_when=invalid_when,
    )
    return rows.Trial(
        cell_id=cell_id,
        attempt=attempt,
        step=asked.step,
        kind=asked.kind,
        depth=asked.depth,
        repetition=asked.repetition,
        run_order=asked.run_order,
        prompt_n_asked=asked.prompt_n,
        predicted_n_asked=asked.predicted_n,
        prompt_n=timings.prompt_n,
        cache_n=timings.cache_n,
        predicted_n=timings.predicted_n,
        prompt_ms=timings.prompt_ms,
        predicted_ms=timings.predicted_ms,
        ttft_ms=completion.ttft_ms,
        total_ms=completion.total_ms,
        inter_token_p50_ms=p50,
        inter_token_p95_ms=p95,
        inter_token_p99_ms=p99,
        pp_tok_s=prompt_rate(timings) if asked.kind == "pp" else None,
        tg_tok_s=generation_rate(timings) if asked.kind == "tg" else None,
        valid=reason is None,
        invalid_reason=reason,
        clock_min_mhz=span.clock_min_mhz,
        clock_mean_mhz=span.clock_mean_mhz,
        temperature_max_c=span.temperature_max_c,
        power_mean_w=span.power_mean_w,
        throttle_reasons=span.throttle_reasons,
        foreign_gpu_pids=span.foreign_gpu_pids,
        host_busy_pct=span.host_busy_pct,
        disturbed=",".join(marks) or None,
        energy_j=span.energy_j,
        energy_source=span.energy_source,
        energy_reason=span.energy_reason,
        started_at=completion.started_at,
        ended_at=completion.ended_at,
    )


def percentiles(gaps_ms: Sequence[float]) -> Sequence[float | None]:
    """50th, 95th and 99th percentile, linearly interpolated; None of nothing."""
    if not gaps_ms:
        return (None, None, None)
    return [float(value) for value in np.percentile(gaps_ms, [50, 95, 99])]
