import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from orchestrator.comparing.axes import axis_of
from orchestrator.comparing.compared import ComparedPoint, match_all
from orchestrator.comparing.compared import answer as answer_all
from orchestrator.comparing.noise import CalibratedStep
from orchestrator.comparing.points import nearest_difference
from orchestrator.comparing.question import Question, parse_question
from orchestrator.comparing.turns import in_turns
from orchestrator.launch_speeds import LaunchSpeeds
from tests.unit.speeds_samples import START, q8, speeds
from warehouse.errors import ConfigError

QUANTS = Question("quant", ("Q4_0", "Q8_0"))
NOISE = CalibratedStep(
    host_id="alpha",
    engine_sha256="e1",
    server_id="calibrated",
    metric="tg",
    step="tg128",
    depth=0,
    between_sd_pct=1.0,
    launches=5,
)


def answer(
    question: Question, found: Sequence[LaunchSpeeds], known: Sequence[CalibratedStep]
) -> tuple[ComparedPoint, ...]:
    return answer_all(match_all(question, found), known)


def test_a_question() -> None:
    assert parse_question(["context=4k", "context=8192", "kind=tg", "engine.ubatch_size=256"]) == (
        Question("context", ("4096", "8192"), (("kind", "tg"), ("engine.ubatch_size", "256")))
    )


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["quant=Q4_0"],
        ["quant=Q4_0", "cache=f16/f16"],
        ["quant=Q4_0", "quant=Q4_0"],
        ["quant=Q4_0", "quant=Q8_0", "colour=red"],
        ["quant=Q4_0", "quant=Q8_0", "kind"],
        ["step=pp512", "step=pp128"],
    ],
)
def test_no_question(words: list[str]) -> None:
    with pytest.raises(ConfigError):
        parse_question(words)


def test_launches_of_matched_points_are_compared() -> None:
    found = [
        *(speeds(v) for v in (99.0, 100.0, 101.0)),
        *(q8(v) for v in (119.0, 120.0, 121.0)),
        *(speeds(50.0 + v, step="pp512", kind="pp") for v in (-1, 0, 1)),
        speeds(1.0, step="tg128", depth=4096),
    ]
    (point,) = answer(QUANTS, found, ())
    assert [each.speeds for each in point.a] == [(99.0,), (100.0,), (101.0,)]
    assert [each.quant for each in point.b] == ["Q8_0"] * 3
    assert point.result.verdict == "faster"
    assert point.result.difference_pct == pytest.approx(20, abs=0.1)


@pytest.mark.parametrize(
    "other",
    [
        {"server": {"model": "sha-of-Q8_0", "context": 8192}},
        {"server": {"model": "sha-of-Q8_0", "engine": {"threads": 2, "ubatch_size": 256}}},
        {"server": {"model": "sha-of-Q8_0", "engine_sha256": "e2"}},
        {"server": {"model": "sha-of-Q8_0"}, "host_id": "beta"},
        {"server": {"model": "sha-of-Q8_0"}, "workload_config": '{"repetitions":9}'},
        {"server": {"model": "sha-of-Q8_0"}, "depth": 64},
        {"server": {"model": "sha-of-Q8_0"}, "model": "another"},
    ],
)
def test_what_differs_otherwise_is_not_compared(other: dict[str, Any]) -> None:
    assert not answer(QUANTS, [speeds(100.0), speeds(100.0, quant="Q8_0", **other)], (NOISE,))


@pytest.mark.parametrize(
    ("question", "b"),
    [
        (Question("context", ("4096", "8192")), {"context": 8192, "server": {"context": 8192}}),
        (
            Question("cache", ("f16/f16", "q8_0/q4_0")),
            {"cache_k": "q8_0", "cache_v": "q4_0", "server": {"cache": ["q8_0", "q4_0"]}},
        ),
        (
            Question("host", ("alpha", "beta")),
            {
                "host_id": "beta",
                "server": {
                    "hardware_class": "box",
                    "engine_sha256": "e2",
                    "engine": {"threads": 8, "ubatch_size": 512},
                },
            },
        ),
        (
            Question("engine_build", ("b1", "b2")),
            {"engine": "new", "engine_build": "b2", "server": {"engine_sha256": "e2"}},
        ),
        (
            Question("engine.ubatch_size", ("512", "256")),
            {"server": {"engine": {"threads": 2, "ubatch_size": 256}}},
        ),
        (
            Question("workload.repetitions", ("3", "5")),
            {"workload_config": '{"name":"speed","repetitions":5}'},
        ),
        (
            Question("pairing", ("cpu", "single")),
            {"pairing": "single", "server": {"devices": ["RTX 3060"], "tensor_split": [1.0]}},
        ),
    ],
)
def test_axes(question: Question, b: dict[str, Any]) -> None:
    found = [speeds(100.0), speeds(110.0, **b)]
    (point,) = answer(question, found, ())
    assert (point.a[0].speeds, point.b[0].speeds) == ((100.0,), (110.0,))
    assert point.result.verdict.startswith("not comparable: 1 and 1 launches")


def test_filters() -> None:
    found = [
        make(100.0, step=step, kind=step[:2], depth=depth)
        for make in (speeds, q8)
        for step in ("pp512", "tg128")
        for depth in (0, 4096)
    ]
    assert len(answer(QUANTS, found, ())) == 4
    asked = Question("quant", ("Q4_0", "Q8_0"), (("kind", "tg"), ("depth", "4096")))
    (point,) = answer(asked, found, ())
    assert (point.a[0].step, point.a[0].depth) == ("tg128", 4096)


def test_the_hosts_calibration_is_the_floor() -> None:
    (point,) = answer(QUANTS, [speeds(100.0), q8(110.0)], (NOISE,))
    assert point.result.verdict == "faster"
    assert point.result.floor_pct == pytest.approx(4.0, abs=0.1)
    elsewhere = replace(NOISE, host_id="beta")
    prompt = replace(NOISE, metric="pp")
    (point,) = answer(QUANTS, [speeds(100.0), q8(110.0)], (elsewhere, prompt))
    assert point.result.verdict.startswith("not comparable")


def test_the_nearest_calibration_is_taken() -> None:
    def with_(sd: float, **changes: Any) -> CalibratedStep:
        return replace(NOISE, between_sd_pct=sd, **changes)

    known = (
        with_(9.0, engine_sha256="e0"),
        with_(7.0, step="tg32"),
        with_(1.0),
        with_(8.0, depth=4096),
    )
    (point,) = answer(QUANTS, [speeds(100.0), q8(110.0)], known)
    assert point.result.floor_pct == pytest.approx(4.0, abs=0.1)


def test_launches_of_the_calibration_count_once() -> None:
    """Side A is what was calibrated: its five launches are the noise, with four degrees."""
    a = [speeds(100 * f) for f in (0.98, 0.99, 1.0, 1.01, 1.02)]
    calibrated = replace(NOISE, server_id=a[0].server_id)
    (point,) = answer(QUANTS, [*a, q8(103.0)], (calibrated,))
    # sd 1.58 %, t 2.776 at four degrees, one launch against five
    assert point.result.floor_pct == pytest.approx(2.776 * 1.58 * (1 + 1 / 5) ** 0.5, rel=0.03)
    assert point.result.verdict == "no difference shown"


def test_of_several_cells_the_latest_counts() -> None:
    old = [speeds(80.0, server={"model": "before"})]
    (point,) = answer(QUANTS, [*old, speeds(100.0), q8(110.0)], ())
    assert [each.speeds for each in point.a] == [(100.0,)]
    assert json.loads(point.a[0].server_config)["model"] == "sha-of-Q4_0"


def test_all_values_against_the_first() -> None:
    question = parse_question(["quant=Q4_0", "quant=Q8_0", "kind=tg", "quant=Q5_0"])
    assert question == Question("quant", ("Q4_0", "Q8_0", "Q5_0"), (("kind", "tg"),))
    found = [speeds(100.0), q8(110.0), speeds(90.0, quant="Q5_0", server={"model": "sha-of-Q5_0"})]
    points = answer(question, found, (NOISE,))
    assert [(p.versus.a, p.versus.b, p.result.verdict) for p in points] == [
        ("Q4_0", "Q8_0", "faster"),
        ("Q4_0", "Q5_0", "slower"),
    ]


def test_by_takes_the_most_measured_as_the_baseline() -> None:
    question = parse_question(["kind=tg"], by="quant")
    assert question == Question("quant", (), (("kind", "tg"),))
    early = speeds(90.0, quant="Q5_0", server={"model": "sha-of-Q5_0"})
    found = [early, speeds(100.0), q8(110.0), q8(111.0)]
    points = answer(question, found, (NOISE,))
    assert [(p.versus.a, p.versus.b) for p in points] == [("Q8_0", "Q5_0"), ("Q8_0", "Q4_0")]
    (tied, _) = answer(question, found[:3], (NOISE,))
    assert tied.versus.a == "Q5_0"


def test_more_values_are_one_family() -> None:
    """What one comparison shows, twenty of which no other shows anything do not."""
    a, b = [99.0, 100.0, 101.0], [103.0, 104.0, 105.0]
    found = [*map(speeds, a), *map(q8, b)]
    (alone,) = answer(QUANTS, found, ())
    assert alone.result.verdict == "faster"
    others = [make(each, step=f"tg{n}") for n in range(20) for make in (speeds, q8) for each in a]
    first, *_ = answer(QUANTS, [*found, *others], ())
    assert first.result.verdict == "no difference shown"
    assert first.result.difference_pct == alone.result.difference_pct


def test_sides_that_were_not_in_turns() -> None:
    a, b = [speeds(v) for v in (99.0, 100.0, 101.0)], [q8(v) for v in (99.0, 100.0, 101.0)]
    (after,) = answer(QUANTS, [*a, *b], ())
    assert not after.in_turns
    turns = [each for v in (99.0, 100.0, 101.0) for each in (speeds(v), q8(v))]
    (point,) = answer(QUANTS, turns, ())
    assert point.in_turns


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ([0, 20, 40], [10, 30, 50], True),
        ([0, 30, 40], [10, 20, 50], True),
        ([0, 10, 20], [30, 40, 50], False),
        ([30, 40, 50], [0, 10, 20], False),
        ([0], [59], True),
        ([0], [61], False),
        ([0, 10, 20, 30, 40], [200], False),
    ],
)
def test_turns(a: list[int], b: list[int], expected: bool) -> None:
    starts = [[START + timedelta(minutes=each) for each in side] for side in (a, b)]
    assert in_turns(*starts) is expected


def imported(*values: float, **changes: Any) -> LaunchSpeeds:
    """As an import knows it: another shape of server, unknown is None."""
    unknown = {"context": None, "engine_sha256": None, "engine_build": None, "split": None}
    each = speeds(*values, **{**unknown, "source": "llama-bench", "cell_id": "i", **changes})
    return replace(each, server_config='{"source":"llama-bench","engine":{},"other":{"ngl":99}}')


def test_imported_is_matched_by_what_is_known_and_marked() -> None:
    (point,) = answer(QUANTS, [speeds(100.0), imported(110.0, quant="Q8_0")], ())
    assert (point.a[0].source, point.b[0].source) == ("measured", "llama-bench")
    for differs in (
        {"host_id": "beta"},
        {"context": 8192},
        {"cache_k": "q8_0"},
        {"depth": 64},
        {"engine_build": "b9"},
    ):
        other = imported(110.0, quant="Q8_0", **differs)
        assert not answer(QUANTS, [speeds(100.0), other], ())


def test_no_side_mixes_sources() -> None:
    found = [*(speeds(v) for v in (99.0, 100.0)), imported(50.0), q8(110.0)]
    (point,) = answer(QUANTS, found, ())
    assert [each.source for each in point.a] == ["measured"] * 2
    known = Question("source", ("measured", "llama-bench"))
    (point,) = answer(known, [speeds(100.0), imported(50.0)], ())
    assert [each.speeds for each in (*point.a, *point.b)] == [(100.0,), (50.0,)]


def test_what_the_nearest_points_differ_in() -> None:
    a = [speeds(1.0)]
    b = [
        q8(1.0, host_id="beta", depth=64),
        speeds(1.0, quant="Q8_0", server={"model": "x", "engine": {"threads": 8}}),
    ]
    differs = nearest_difference(a, b, axis_of("quant"))
    assert differs == ("server.engine.threads", "server.engine.ubatch_size")
