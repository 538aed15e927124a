"""Reports of llama-benchy (JSON), which measures any server through its chat API. Pure.

Schema: schemas/benchmark_report_schema.json of that project, up to 0.4. It tells neither quant,
caches, context nor hardware; what it counts for prompts is the prompt as it asked for it.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from warehouse import rows
from warehouse.imports.making import make_run, make_trial
from warehouse.imports.runs import Given, Imported, Measurement, Setup

SOURCE = "llama-benchy"
_REQUIRED = ("timestamp", "model", "benchmarks")
_UNKNOWN_HOST = "unknown"


def is_report(value: object) -> bool:
    """Whether a JSON value is such a report."""
    return isinstance(value, dict) and "benchmarks" in value and "latency_mode" in value


def report_import(report: Mapping[str, Any], import_id: str, given: Given) -> Imported:
    """The run of a report: all its steps of one stream.

    Raises:
        ValueError: a field that decides is missing or is not what it should be; one line.
    """
    missing = [name for name in _REQUIRED if not report.get(name)]
    if missing:
        raise ValueError(f"no {', no '.join(missing)}: no whole report of llama-benchy")
    at = _time(str(report["timestamp"]))
    cached = bool(report.get("prefix_caching_enabled"))
    single = [each for each in report["benchmarks"] if _count(each, "concurrency") == 1]
    trials: list[rows.Trial] = []
    for each in single:
        trials += _trials(each, cached, at, len(trials))
    left = len(report["benchmarks"]) - len(single)
    notes = [f"{left} steps of several streams are left out: they tell no request"] if left else []
    runs = []
    if trials:
        measured = Measurement(
            workload="depth_curve" if any(each.depth for each in trials) else "speed",
            config={
                "tool": SOURCE,
                "latency_mode": report["latency_mode"],
                "prefix_caching": cached,
                "steps": list(dict.fromkeys(f"{each.step} d{each.depth}" for each in trials)),
            },
            first=[report["model"], report["timestamp"], trials[0].pp_tok_s, trials[0].tg_tok_s],
            started_at=at,
            ended_at=at,
            note="the report tells one time, its end, for all trials",
        )
        runs.append(make_run(_setup(report, given), measured, import_id, children=trials))
    return Imported(SOURCE, "json", tuple(runs), notes=tuple(notes), left_out=left)


def _setup(report: Mapping[str, Any], given: Given) -> Setup:
    return Setup(
        source=SOURCE,
        model=str(report["model"]),
        quant=None,
        host_id=given.host_id or _UNKNOWN_HOST,
        hardware_class=given.host_id or _UNKNOWN_HOST,
        engine=SOURCE,
        other={"version": report.get("version")},
    )


def _trials(run: Mapping[str, Any], cached: bool, at: datetime, done: int) -> list[rows.Trial]:
    """Trials of a step: its prompts, then its generations."""
    context, prompt = _count(run, "context_size"), _count(run, "prompt_size")
    response, filling = _count(run, "response_size"), bool(run.get("is_context_prefill_phase"))
    # Without its prefix cache, and while it is filled, the whole prompt is processed.
    behind = context if cached and not filling else 0
    size = context if filling else prompt if cached else context + prompt
    speeds = {"pp": _values(run, "pp_throughput"), "tg": _values(run, "tg_throughput")}
    firsts = _values(run, "e2e_ttft")
    asked = {
        "pp": {
            "step": f"pp{size}",
            "depth": behind,
            "prompt_n_asked": size,
            "predicted_n_asked": 0,
        },
        "tg": {
            "step": f"tg{response}",
            "depth": behind + size,
            "prompt_n_asked": 0,
            "predicted_n_asked": response,
        },
    }
    trials: list[rows.Trial] = []
    for kind, values in speeds.items():
        for number, tok_s in enumerate(values, start=1):
            told = kind == "pp" and len(firsts) == len(values)
            trials.append(
                make_trial(
                    **asked[kind],
                    kind=kind,
                    repetition=number,
                    run_order=done + len(trials) + 1,
                    pp_tok_s=tok_s if kind == "pp" else None,
                    tg_tok_s=tok_s if kind == "tg" else None,
                    ttft_ms=firsts[number - 1] if told else None,
                    valid=tok_s > 0,
                    invalid_reason=None if tok_s > 0 else "no speed",
                    started_at=at,
                    ended_at=at,
                    source=SOURCE,
                )
            )
    return trials


def _values(run: Mapping[str, Any], name: str) -> Sequence[float]:
    """Values of the repetitions of a metric; of one that is not there none."""
    metric = run.get(name)
    if metric is None:
        return ()
    values = metric.get("values") if isinstance(metric, dict) else None
    if not isinstance(values, list) or not all(isinstance(v, int | float) for v in values):
        raise ValueError(f"{name} has no list of values")
    return values


def _count(run: object, name: str) -> int:
    if not isinstance(run, dict):
        raise ValueError("a step is no object")
    found = run.get(name)
    if not isinstance(found, int) or found < 0:
        raise ValueError(f"{name} is {str(found)[:40]!r}, no number of tokens or streams")
    return found


def _time(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"timestamp is {text[:40]!r}, no time") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)
