"""Hand-written records, typed in as CSV: a figure a line, with the section that it is from. Pure.

What a line leaves empty is not known. Sizes of memory in GB are GiB and MB are MiB, as the
record's own arithmetic shows (24 KiB x 64k = 1.5 GB); sizes of files are 10^9 bytes.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

from warehouse import rows
from warehouse.imports.making import make_agent_run, make_run, make_trial
from warehouse.imports.runs import Child, Imported, Measurement, Run, Setup

SOURCE = "hand-written record"
COLUMNS = (
    "date", "section", "host_id", "hardware_class", "gpus", "pairing", "split", "model", "quant",
    "context", "cache_k", "cache_v", "settings", "engine_build", "workload", "measure", "subject",
    "depth", "number", "value", "unit", "note",
)  # fmt: skip
_CELL = COLUMNS[: COLUMNS.index("measure")]
"""What figures of one cell share."""
_MIB = {"GB": 1024.0, "MB": 1.0}
_SPEEDS = {"pp_tok_s": "pp", "tg_tok_s": "tg"}
_OUTCOMES = {"success": "success", "failure": "failure", "overclaimed": "failure"}
_SUITE = "by hand"

Line = Mapping[str, str]


def shipped_records() -> tuple[Path, ...]:
    """The records that come with herd."""
    folder = Path(str(files("warehouse").joinpath("imports")))
    return tuple(sorted(folder.glob("*.csv")))


def record_import(lines: Sequence[Line], import_id: str) -> Imported:
    """The runs of a record.

    Raises:
        ValueError: a line is not what it should be; one line.
    """
    runs = [_run(group, import_id) for group in _cells(lines)]
    return Imported(
        source=SOURCE,
        form="csv",
        runs=tuple(runs),
        hosts=_hosts(lines),
        models=tuple(_model(each) for each in lines if each["measure"] == "file_size"),
        notes=_notes(lines),
    )


def _notes(lines: Iterable[Line]) -> tuple[str, ...]:
    noted = sum(bool(each["note"]) for each in lines)
    return (f"{noted} figures carry a note: odd, rounded, or one end of a range",) if noted else ()


def _cells(lines: Iterable[Line]) -> list[list[Line]]:
    cells: dict[tuple[str, ...], list[Line]] = {}
    for line in lines:
        if line["workload"]:
            cells.setdefault(tuple(line[name] for name in _CELL), []).append(line)
    return list(cells.values())


def _run(lines: Sequence[Line], import_id: str) -> Run:
    first = lines[0]
    at = _day(first)
    notes = dict.fromkeys(each["note"] for each in lines if each["note"])
    measured = Measurement(
        workload=first["workload"],
        config={"record": first["section"], "date": first["date"]},
        first=[first[name] for name in _CELL],
        started_at=at,
        ended_at=at,
        note="; ".join(notes) or None,
    )
    return make_run(
        _setup(first), measured, import_id, children=_children(lines), memory=_memory(lines)
    )


def _setup(line: Line) -> Setup:
    facts = dict(each.split("=", 1) for each in line["settings"].split() if each)
    return Setup(
        source=SOURCE,
        model=line["model"],
        quant=line["quant"] or None,
        host_id=line["host_id"],
        hardware_class=line["hardware_class"],
        context=int(line["context"]) if line["context"] else None,
        cache_k=line["cache_k"] or None,
        cache_v=line["cache_v"] or None,
        pairing=line["pairing"] or None,
        split=tuple(float(each) for each in line["split"].split("/") if each),
        engine="llama-server",
        engine_build=line["engine_build"] or None,
        facts={key: int(value) if value.isdecimal() else value for key, value in facts.items()},
        gpus=tuple(each for each in line["gpus"].split("|") if each),
    )


def _children(lines: Sequence[Line]) -> list[Child]:
    speeds = [each for each in lines if each["measure"] in _SPEEDS]
    tasks = [each for each in lines if each["measure"] == "task"]
    return [
        *(_trial(order, each) for order, each in enumerate(speeds, start=1)),
        *(_agent_run(number, each) for number, each in enumerate(tasks, start=1)),
    ]


def _trial(order: int, line: Line) -> rows.Trial:
    return make_trial(
        step=line["subject"],
        kind=_SPEEDS[line["measure"]],
        depth=int(line["depth"]),
        repetition=int(line["number"]),
        run_order=order,
        **{line["measure"]: float(line["value"])},
        note=line["note"] or None,
        started_at=_day(line),
        ended_at=_day(line),
        source=SOURCE,
    )


def _agent_run(number: int, line: Line) -> rows.AgentRun:
    task_class, _, task = line["subject"].partition(":")
    overclaimed = line["value"] == "overclaimed"
    return make_agent_run(
        run=number,
        suite=_SUITE,
        task=task,
        task_class=task_class,
        try_number=int(line["number"]),
        outcome=_OUTCOMES[line["value"]],
        reason=line["note"] or None,
        overclaimed=True if overclaimed else None,
        claimed=True if overclaimed else None,
        started_at=_day(line),
        ended_at=_day(line),
    )


def _memory(lines: Iterable[Line]) -> list[tuple[str, str, float, str | None]]:
    found = []
    for line in lines:
        if line["measure"] == "memory":
            device, _, part = line["subject"].partition(":")
            mib = float(line["value"]) * _MIB[line["unit"]]
            found.append((device, part, mib, line["note"] or None))
    return found


def _hosts(lines: Iterable[Line]) -> tuple[rows.Host, ...]:
    told: dict[str, list[Line]] = {}
    for line in lines:
        if line["measure"] == "host":
            told.setdefault(line["host_id"], []).append(line)
    return tuple(_host(each) for each in told.values())


def _host(lines: Sequence[Line]) -> rows.Host:
    first = lines[0]
    values = {each["subject"]: each["value"] for each in lines}
    return rows.Host(
        host_id=first["host_id"],
        seen_at=_day(first),
        hardware_class=first["hardware_class"],
        cpu_model=values.get("cpu_model"),
        cpu_physical_cores=None,
        cpu_logical_cores=None,
        ram_mib=int(values["ram"]) * 1024 if "ram" in values else None,
        kernel=None,
        gpus=(),
        driver=None,
        cuda=None,
        python=None,
        source=SOURCE,
        gpu_names=first["gpus"].replace("|", ", ") or None,
    )


def _model(line: Line) -> rows.Model:
    return rows.Model(
        model_sha256=None,
        host_id=line["host_id"],
        seen_at=_day(line),
        model=line["model"],
        quant=line["quant"],
        path=line["subject"],
        size_bytes=round(float(line["value"]) * 1e9),
        architecture=None,
        facts=None,
        source=SOURCE,
        note=line["note"] or None,
    )


def _day(line: Line) -> datetime:
    """A record tells days; of a day its begin."""
    return datetime.fromisoformat(line["date"]).replace(tzinfo=UTC)
