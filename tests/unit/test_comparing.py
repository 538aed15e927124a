import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.comparing.compared import ComparedPoint, match_all
from orchestrator.comparing.compared import answer as answer_all
from orchestrator.comparing.noise import CalibratedStep
from orchestrator.comparing.question import Question, parse_question
from orchestrator.launch_speeds import LaunchSpeeds
from tests.unit.speeds_samples import q8, speeds
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
