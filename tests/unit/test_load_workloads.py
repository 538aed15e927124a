"""What the workloads concurrency and stability plan to ask for."""

from collections import Counter

import pytest

from orchestrator.identity import workload_facts
from orchestrator.measured import workload_tokens
from workers.failures import CellFailed, FailureClass
from workers.workloads.concurrency.config import ConcurrencyConfig
from workers.workloads.concurrency.workload import Concurrency, numbers_of_streams, schedule
from workers.workloads.stability.config import StabilityConfig
from workers.workloads.stability.workload import Stability, fill_tokens

LOAD = ConcurrencyConfig(streams=[1, 2, 4, 8, 2], prompt_size=100, n_predict=28, repetitions=3)


class TestConcurrency:
    def test_slots_of_their_own_take_any_number_of_streams(self) -> None:
        found = numbers_of_streams(LOAD, context=512, server_context=2048, slots=4)
        assert found == (1, 2, 4, 8)

    def test_slots_that_share_a_cache_take_what_fits_it(self) -> None:
        # 128 tokens a request, four at a time at most
        shared = {"context": 512, "server_context": 512}
        assert numbers_of_streams(LOAD, **shared, slots=8) == (1, 2)
        roomy = {"context": 1024, "server_context": 1024}
        assert numbers_of_streams(LOAD, **roomy, slots=4) == (1, 2, 4, 8)

    @pytest.mark.parametrize(("context", "slots"), [(128, 1), (100, 4)])
    def test_a_request_that_does_not_fit_its_slot(self, context: int, slots: int) -> None:
        with pytest.raises(CellFailed, match="do not fit a slot") as caught:
            numbers_of_streams(LOAD, context=context, server_context=4096, slots=slots)
        assert caught.value.failure.failure_class is FailureClass.BAD_ARGS
        with pytest.raises(CellFailed, match="do not fit a slot"):
            Concurrency(LOAD).total(context)

    def test_no_number_of_streams_fits(self) -> None:
        config = ConcurrencyConfig(streams=[4, 0], prompt_size=100, n_predict=28)
        with pytest.raises(CellFailed, match=r"none of \[4, 0\] streams fits"):
            numbers_of_streams(config, context=300, server_context=300, slots=4)

    def test_repetitions_are_interleaved_in_an_order_of_the_seed(self) -> None:
        steps = schedule(LOAD, (1, 2, 4, 8))
        assert Counter(count for count, _ in steps) == {1: 3, 2: 3, 4: 3, 8: 3}
        assert [asked.run_order for _, asked in steps] == list(range(1, 13))
        for n in range(3):
            each = steps[4 * n : 4 * n + 4]
            assert {asked.repetition for _, asked in each} == {n + 1}
            assert {count for count, _ in each} == {1, 2, 4, 8}
        assert {(a.prompt_n, a.predicted_n, a.depth) for _, a in steps} == {(100, 28, 0)}
        assert steps == schedule(LOAD, (1, 2, 4, 8))
        orders = {tuple(count for count, _ in schedule(each, (1, 2, 4, 8))) for each in
                  (ConcurrencyConfig(seed=n, repetitions=2) for n in range(4))}  # fmt: skip
        assert len(orders) > 1
        assert Concurrency(LOAD).total(512) == len(steps)

    def test_forecast_knows_its_tokens(self) -> None:
        workload = workload_tokens("concurrency", workload_facts(LOAD), 4096)
        requests = (1 + 2 + 4 + 8) * 4 * 3
        assert workload.prompt_tokens == requests * 100
        assert workload.generated_tokens == requests * 28


class TestStability:
    @pytest.mark.parametrize(
        ("context", "fill_pct", "tokens"), [(512, 90, 461), (1000, 90, 900), (4096, 39, 1598)]
    )
    def test_the_fill_is_rounded_up(self, context: int, fill_pct: float, tokens: int) -> None:
        config = StabilityConfig(fill_pct=fill_pct, n_predict=16)
        assert fill_tokens(config, context) == tokens

    def test_the_generation_has_to_fit_on_top(self) -> None:
        # 461 + 1 + 49 = 511 of 512; one more would fill the slot
        assert fill_tokens(StabilityConfig(n_predict=49), 512) == 461
        for config in (StabilityConfig(n_predict=50), StabilityConfig(fill_pct=100)):
            with pytest.raises(CellFailed, match="do not fit a slot of 512") as caught:
                Stability(config).total(512)
            assert caught.value.failure.failure_class is FailureClass.BAD_ARGS

    def test_one_round_shows_no_leak(self) -> None:
        with pytest.raises(CellFailed, match="needs 2 rounds, asked for 1"):
            Stability(StabilityConfig(rounds=1)).total(4096)

    def test_forecast_knows_its_tokens(self) -> None:
        config = StabilityConfig(rounds=3, n_predict=16)
        workload = workload_tokens("stability", workload_facts(config), 1000)
        assert (workload.prompt_tokens, workload.generated_tokens) == (3 * 901, 48)
