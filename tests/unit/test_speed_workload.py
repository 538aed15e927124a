from collections import Counter
from itertools import pairwise

import pytest

from workers.failures import CellFailed, FailureClass
from workers.workloads.speed.config import SpeedConfig
from workers.workloads.speed.workload import Speed, Step, fits, schedule, steps

CONFIG = SpeedConfig(prompt_sizes=[128, 512, 128, 4096], n_predict=32, repetitions=3)


def test_steps_that_fit() -> None:
    assert steps(CONFIG, 1024) == (
        Step("pp128", "pp", 128, 0),
        Step("pp512", "pp", 512, 0),
        Step("tg32", "tg", 1, 32),
    )


@pytest.mark.parametrize(
    ("prompt_n", "predicted_n", "fit"),
    # As a real server with a context of 1024 answered: truncated from 1024 on.
    [(1022, 0, True), (1023, 0, False), (1022, 1, True), (1022, 2, False), (1020, 4, False)],
)
def test_fits_as_the_server_does(prompt_n: int, predicted_n: int, fit: bool) -> None:
    assert fits(prompt_n, predicted_n, 1024) is fit


@pytest.mark.parametrize(
    ("config", "text"),
    [
        (SpeedConfig(prompt_sizes=[2048]), r"none of the prompt sizes \[2048\] fits"),
        (SpeedConfig(prompt_sizes=[16], n_predict=255), "generating 255 tokens does not fit"),
    ],
)
def test_nothing_fits(config: SpeedConfig, text: str) -> None:
    with pytest.raises(CellFailed, match=text) as caught:
        steps(config, 256)
    assert caught.value.failure.failure_class is FailureClass.BAD_ARGS


def test_schedule_interleaves_repetitions() -> None:
    asked = schedule(CONFIG, 1024)
    assert [one.run_order for one in asked] == list(range(1, 10))
    assert [one.repetition for one in asked] == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert Counter(one.step for one in asked) == {"pp128": 3, "pp512": 3, "tg32": 3}
    assert {one.depth for one in asked} == {0}
    assert Speed(CONFIG).total(1024) == len(asked)


def test_schedule_follows_the_seed() -> None:
    def order(seed: int) -> list[str]:
        config = SpeedConfig(prompt_sizes=[8, 16, 32, 64], repetitions=8, seed=seed)
        return [one.step for one in schedule(config, 1024)]

    assert order(0) == order(0)
    assert order(0) != order(1)
    rounds = [tuple(order(0)[i : i + 5]) for i in range(0, 40, 5)]
    assert len(set(rounds)) > 1


@pytest.mark.parametrize("sizes", [[8], [8, 16], [8, 16, 32, 64]])
def test_no_step_runs_twice_in_a_row(sizes: list[int]) -> None:
    for seed in range(20):
        asked = schedule(SpeedConfig(prompt_sizes=sizes, repetitions=6, seed=seed), 1024)
        assert all(one.step != after.step for one, after in pairwise(asked))
        each = [sorted(a.step for a in asked if a.repetition == r) for r in range(1, 7)]
        assert each == each[:1] * 6
