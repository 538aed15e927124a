"""Reports of llama-benchy: written by its 0.4.0 from made-up requests, as it writes them."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.imports import trials_of
from warehouse.errors import ImportFileError
from warehouse.imports.importing import parse_file
from warehouse.imports.runs import Given

FIXTURES = Path(__file__).parents[1] / "fixtures" / "imports"
CACHED = FIXTURES / "llama-benchy-0.4.0-cached.json"
PLAIN = FIXTURES / "llama-benchy-0.4.0-plain.json"


def report(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(path.read_text())
    return loaded


def told(path: Path) -> dict[tuple[str, str, int], list[Any]]:
    (run,) = parse_file(path, Given("box")).imported.runs
    found: dict[tuple[str, str, int], list[Any]] = {}
    for each in trials_of(run):
        speed = each.pp_tok_s if each.kind == "pp" else each.tg_tok_s
        found.setdefault((each.kind, each.step, each.depth), []).append(speed)
    return found


def metric(path: Path, name: str, context: int, *, filling: bool = False) -> list[float]:
    (values,) = [
        run[name]["values"]
        for run in report(path)["benchmarks"]
        if (run["concurrency"], run["context_size"]) == (1, context)
        and run["is_context_prefill_phase"] == filling
    ]
    return list(values)


def test_with_a_prefix_cache_prompts_are_at_their_depth() -> None:
    assert told(CACHED) == {
        ("pp", "pp512", 0): metric(CACHED, "pp_throughput", 0),
        ("tg", "tg32", 512): metric(CACHED, "tg_throughput", 0),
        ("pp", "pp4096", 0): metric(CACHED, "pp_throughput", 4096, filling=True),
        ("tg", "tg32", 4096): metric(CACHED, "tg_throughput", 4096, filling=True),
        ("pp", "pp512", 4096): metric(CACHED, "pp_throughput", 4096),
        ("tg", "tg32", 4608): metric(CACHED, "tg_throughput", 4096),
    }


def test_without_one_the_whole_prompt_is_processed() -> None:
    assert told(PLAIN) == {
        ("pp", "pp512", 0): metric(PLAIN, "pp_throughput", 0),
        ("tg", "tg32", 512): metric(PLAIN, "tg_throughput", 0),
        ("pp", "pp4608", 0): metric(PLAIN, "pp_throughput", 4096),
        ("tg", "tg32", 4608): metric(PLAIN, "tg_throughput", 4096),
    }


def test_what_it_does_not_tell_is_null() -> None:
    imported = parse_file(PLAIN, Given("box")).imported
    cell = imported.runs[0].cell
    assert (cell.model, cell.host_id, cell.source) == ("org/model-7b", "box", "llama-benchy")
    unknown = (cell.quant, cell.context, cell.cache_k, cell.cache_v, cell.pairing)
    assert unknown == (None,) * 5
    first = trials_of(imported.runs[0])[0]
    assert first.ttft_ms == metric(PLAIN, "e2e_ttft", 0)[0]
    assert (imported.left_out, len(imported.notes)) == (2, 1)  # two streams at two depths


def test_on_one_line_it_is_still_no_jsonl(tmp_path: Path) -> None:
    path = tmp_path / "b.json"
    path.write_text(json.dumps(report(PLAIN)))
    assert told(path) == told(PLAIN)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"timestamp": "soon"}, "timestamp is 'soon', no time"),
        ({"model": None}, "no model: no whole report"),
        ({"benchmarks": [{"concurrency": "1"}]}, "concurrency is '1', no number"),
        ({"benchmarks": [3]}, "a step is no object"),
        (
            {"benchmarks": [{"concurrency": 1, "context_size": 0, "prompt_size": 1}]},
            "response_size is 'None'",
        ),
    ],
)
def test_a_broken_report_is_one_line(changes: dict[str, Any], text: str, tmp_path: Path) -> None:
    path = tmp_path / "b.json"
    path.write_text(json.dumps({**report(PLAIN), **changes}, indent=1))
    with pytest.raises(ImportFileError) as error:
        parse_file(path, Given())
    assert text in str(error.value)
