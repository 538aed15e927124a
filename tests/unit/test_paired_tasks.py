import math
from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from warehouse.paired_tasks import TaskPairs, flip_p, min_tasks, task_test
from warehouse.verdicts import Comparison, decide


def decided(found: list[TaskPairs]) -> Comparison:
    return decide([task_test(found)])[0]


def tasks(*pairs: tuple[bool, bool]) -> list[TaskPairs]:
    return [TaskPairs(f"t{number}", [pair]) for number, pair in enumerate(pairs)]


def test_one_pair_a_task_is_mcnemar_exact() -> None:
    """Nine tasks for B, one for A, ten alike: the binomial tail of 1 in 10, twice."""
    found = tasks(*[(False, True)] * 9, (True, False), *[(True, True)] * 10)
    test = task_test(found)
    assert not isinstance(test, Comparison)
    assert test.p == pytest.approx(2 * sum(math.comb(10, k) for k in (0, 1)) / 2**10)
    result = decided(found)
    assert (result.a, result.b, result.difference_pct) == pytest.approx((55, 95, 40))
    assert (result.shown, result.told("better", "worse")) == (1, "better")
    assert decided([TaskPairs(t.task, [(b, a) for a, b in t.pairs]) for t in found]).shown == -1


def test_flips_are_counted_as_if_listed() -> None:
    differences = [Fraction(1, 2), Fraction(-1, 3), Fraction(1), Fraction(2, 3), Fraction(0)]
    total = abs(sum(differences, Fraction()))
    listed = [
        abs(sum((s * each for s, each in zip(signs, differences, strict=True)), Fraction()))
        >= total
        for signs in product((-1, 1), repeat=5)
    ]
    assert flip_p(differences) == sum(listed) / len(listed)


def test_seeds_of_one_task_are_no_tasks() -> None:
    """Two tasks tell nothing, however often they run; taken for tasks they would."""
    found = [TaskPairs(task, [(False, True)] * 10) for task in ("one", "other")]
    result = decided(found)
    assert result.told("better", "worse") == (
        "not comparable: too few tasks for a verdict: 2, 6 or more are needed"
    )
    assert (result.a, result.b, result.difference_pct) == (0, 100, 100)
    assert decided(tasks(*[(False, True)] * 20)).shown == 1


@pytest.mark.parametrize(("alpha", "needed"), [(0.05, 6), (0.01, 8), (0.5, 2)])
def test_tasks_that_could_tell(alpha: float, needed: int) -> None:
    assert min_tasks(alpha) == needed
    assert 2 * 0.5**needed <= alpha < 2 * 0.5 ** (needed - 1)


def test_pairs_that_agree_are_no_proof_of_equality() -> None:
    result = decided(tasks(*[(True, True)] * 12))
    assert (result.difference_pct, result.shown) == (0, 0)
    assert result.low_pct is not None
    assert result.low_pct < -5
    assert decided([]).verdict == "not comparable: no task was tried by both sides"


@pytest.mark.parametrize(("number", "seeds"), [(9, 3), (30, 1), (30, 3)])
@pytest.mark.simulation
def test_equals_are_seldom_told_apart(number: int, seeds: int) -> None:
    """Tasks differ in difficulty, and each side is better at some of them."""
    random = np.random.default_rng(number + seeds)
    wrong = held = 0
    for _ in range(500):
        found = []
        for task in range(number):
            ease = np.clip(random.normal(0.6, 0.3, 1) + random.normal(0, 0.15, 2), 0, 1)
            found.append(
                TaskPairs(
                    str(task), [tuple((random.random(2) < ease).tolist()) for _ in range(seeds)]
                )
            )
        result = decided(found)
        wrong += result.shown != 0
        held += (result.low_pct or 0) <= 0 <= (result.high_pct or 0)
    assert wrong <= 25
    assert held >= 0.93 * 500


@pytest.mark.simulation
def test_a_real_difference_is_found() -> None:
    random = np.random.default_rng(8)
    found = 0
    for _ in range(100):
        ease = random.beta(2, 2, 60)
        shares = [(e, max(0.0, e - 0.25)) for e in ease]
        pairs = [
            TaskPairs(str(n), [(random.random() < a, random.random() < b) for _ in range(3)])
            for n, (a, b) in enumerate(shares)
        ]
        found += decided(pairs).shown == -1
    assert found >= 90
