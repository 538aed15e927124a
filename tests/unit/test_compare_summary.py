"""The head of `herd compare`: a line a figure, a winner only where a verdict holds."""

from dataclasses import replace
from typing import Any

import pytest

from orchestrator.comparing.compared import match_all
from orchestrator.comparing.question import Question
from orchestrator.comparing.reading import Facts, Figures, Memory, Scored, TaskRun
from orchestrator.comparing.summary import Line, summarise
from orchestrator.launch_speeds import LaunchSpeeds
from tests.unit.speeds_samples import q8, speeds

QUANTS = Question("quant", ("Q4_0", "Q8_0"))
MIB = 2**20


def in_turns(a: list[float], b: list[float], **changes: Any) -> list[LaunchSpeeds]:
    found = []
    for one, other in zip(a, b, strict=True):
        found += [speeds(one, **changes), q8(other, **changes)]
    return found


def lines(facts: Facts, question: Question = QUANTS) -> dict[tuple[str, str], Line]:
    told = summarise(question, match_all(question, facts.speeds), facts)
    return {(line.metric.name, line.at): line for line in told}


def figures(each: LaunchSpeeds, ttft_ms: float, energy_j: float) -> dict[Any, Figures]:
    key = each.cell_id, each.launch_id, each.step, each.depth
    return {key: Figures((ttft_ms,), (energy_j,))}


def test_every_figure_that_both_sides_have() -> None:
    tg = in_turns([100, 101, 99], [120, 121, 119])
    pp = [
        replace(each, step="pp512", kind="pp", speeds=(speed,))
        for each, speed in zip(tg, [800, 790, 802, 805, 798, 801], strict=True)
    ]
    by_step: dict[Any, Figures] = {}
    for each in tg:
        by_step |= figures(each, 10.0, 2.0 if each.quant == "Q4_0" else 1.5)
    for each in pp:
        by_step |= figures(each, 640.0 if each.quant == "Q4_0" else 700.0, 0.02)
    facts = Facts(
        speeds=[*tg, *pp],
        figures=by_step,
        memory={
            each.launch_id: Memory(900.0 if each.quant == "Q4_0" else 1500.0, 40.0) for each in tg
        },
        sizes={"sha-of-Q4_0": 100 * MIB, "sha-of-Q8_0": 190 * MIB},
    )
    found = lines(facts)
    told = {key: (line.verdict, line.winner) for key, line in found.items()}
    assert told == {
        ("file size", "tiny"): ("larger", "Q4_0"),
        ("memory of GPUs", "context 4096"): ("more", "Q4_0"),
        ("memory of host", "context 4096"): ("no difference shown", None),
        ("generation speed", "speed, empty cache"): ("faster", "Q8_0"),
        ("energy of generation", "speed, empty cache"): ("less", "Q8_0"),
        ("prompt speed", "speed, empty cache"): ("no difference shown", None),
        ("time to first token", "speed, empty cache"): ("slower", "Q4_0"),
        ("energy of prompts", "speed, empty cache"): ("no difference shown", None),
    }
    size = found["file size", "tiny"]
    assert (size.result.a, size.result.b) == (100, 190)
    assert size.result.difference_pct == pytest.approx(90)
    speed = found["generation speed", "speed, empty cache"]
    assert speed.result.b == pytest.approx((120 * 121 * 119) ** (1 / 3))
    assert (speed.launches, speed.in_turns, len(speed.points)) == ((3, 3), True, 1)


def test_points_are_rounds_together() -> None:
    """Two contexts whose launches move against each other: their mean does not move."""
    small = in_turns([90, 100, 110], [99, 110, 121])
    large = in_turns([110, 99, 90], [121, 108.9, 99], context=8192)
    for index, each in enumerate(large):
        server = each.server_config.replace("4096", "8192")
        large[index] = replace(each, server_config=server, cell_id=f"large{each.quant}")
    alone = lines(Facts(speeds=small))["generation speed", "speed, empty cache"]
    assert alone.winner is None
    both = lines(Facts(speeds=[*small, *large]))["generation speed", "speed, empty cache"]
    assert (both.winner, len(both.points), both.launches) == ("Q8_0", 2, (3, 3))
    assert both.result.difference_pct == pytest.approx(10)


def test_a_launch_counts_once_however_many_steps_it_has() -> None:
    """Depths of one launch: each shifts with it, and so they tell no more than one of them."""
    first = in_turns([90, 100, 110], [95, 105, 116], depth=64)
    steps = [replace(each, depth=64 * n) for n in range(1, 9) for each in first]
    one, many = (
        lines(Facts(speeds=found))["generation speed", "speed, filled cache"]
        for found in (first, steps)
    )
    assert one.winner is many.winner is None
    assert many.result.p == pytest.approx(one.result.p or 0)
    lost = [each for each in steps if (each.depth, each.launch_id) != (64, first[0].launch_id)]
    fewer = lines(Facts(speeds=lost))["generation speed", "speed, filled cache"]
    assert fewer.verdict.startswith("not comparable: 2 and 3 launches")


def test_file_sizes_need_no_launches_alike() -> None:
    facts = Facts(
        speeds=[speeds(1.0), q8(1.0, host_id="beta")],
        sizes={"sha-of-Q4_0": 100 * MIB, "sha-of-Q8_0": 95 * MIB},
    )
    ((key, line),) = lines(facts).items()
    assert (key, line.verdict, line.winner) == (("file size", "tiny"), "smaller", "Q8_0")
    assert (line.in_turns, line.launches, line.points) == (None, None, ())


def scored(cell: LaunchSpeeds, perplexity: float, divergence: float, text: str = "t") -> Scored:
    bare = replace(cell, step=text, kind="quality", workload="perplexity", speeds=())
    return Scored(bare, "wiki", perplexity, 0.05, divergence, 0.001)


def test_quality_over_the_same_text() -> None:
    found = [scored(speeds(), 12.0, 0.08), scored(q8(), 11.0, 0.01)]
    told = lines(Facts(speeds=(*in_turns([100], [100]),), scored=found))
    perplexity = told["perplexity", "wiki, f16/f16"]
    assert (perplexity.verdict, perplexity.winner) == ("better", "Q8_0")
    assert told["KL divergence", "wiki, f16/f16"].winner == "Q8_0"
    other = [scored(speeds(), 12.0, 0.08), scored(q8(), 11.0, 0.01, text="another")]
    assert "perplexity" not in {
        name for name, _ in lines(Facts(speeds=(*in_turns([100], [100]),), scored=other))
    }


def runs(cell: LaunchSpeeds, level: str, outcomes: list[str]) -> list[TaskRun]:
    """Of each task its tries: x fails, o succeeds."""
    bare = replace(
        cell, kind="agent", step="herd 1", workload="agent", workload_config=f'{{"l":"{level}"}}'
    )
    bare = replace(bare, cell_id=f"{bare.quant}{level}", speeds=())
    return [
        TaskRun(bare, level, f"{level} task{task}", "a", number, outcome == "o")
        for task, tries in enumerate(outcomes)
        for number, outcome in enumerate(tries, 1)
    ]


def test_success_by_paired_task() -> None:
    a, b = speeds(), q8()
    found = [
        *runs(a, "L1", ["o"] * 8),
        *runs(b, "L1", ["xo"] * 8),
        *runs(a, "L2", ["o", "x", "o"]),
        *runs(b, "L2", ["o", "x", "x", "o"]),
    ]
    told = lines(Facts(speeds=in_turns([100], [100]), runs=found))
    first = told["task success, first try", "all levels"]
    # of eleven tasks that both tried nine are lost, none won
    assert (first.result.a, first.result.b) == pytest.approx((100 * 10 / 11, 100 / 11))
    assert (first.verdict, first.winner) == ("worse", "Q4_0")
    assert told["task success, any try", "L1"].verdict == "no difference shown"
    few = told["task success, first try", "L2"]
    assert few.verdict.startswith("not comparable: too few tasks for a verdict: 3, 6 or more")
    assert few.winner is None


def test_tasks_of_another_kind_of_run_are_not_paired() -> None:
    found = [*runs(speeds(), "L1", ["o"] * 8), *runs(q8(host_id="beta"), "L1", ["x"] * 8)]
    told = lines(Facts(speeds=in_turns([100], [100]), runs=found))
    assert not {name for name, _ in told if name.startswith("task")}
