from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.order import Estimate, Work, estimate, in_order

ALPHA, BOTH = ("alpha",), ("alpha", "beta")


def work(server: str, file: str, seconds: float | None, hosts: tuple[str, ...] = ALPHA) -> Work:
    return Work(server, file, hosts, seconds)


def test_cells_of_a_file_come_together_and_the_longest_file_first() -> None:
    works = [work("s1", "a", 10), work("s2", "b", 50), work("s3", "a", 30), work("s4", "b", 5)]
    assert in_order(works) == [1, 3, 2, 0]


def test_many_short_ones_of_a_file_outweigh_one_that_is_longer_than_each() -> None:
    works = [work("s1", "a", 40), work("s2", "b", 30), work("s3", "b", 30)]
    assert in_order(works) == [1, 2, 0]


def test_what_is_unknown_comes_early() -> None:
    works = [work("s1", "a", 90), work("s2", "b", 10), work("s3", "b", None), work("s4", "b", 20)]
    assert in_order(works) == [2, 3, 1, 0]


def test_cells_of_a_server_stay_together_as_they_came() -> None:
    works = [work("s1", "a", 1), work("s2", "a", 5), work("s1", "a", 7), work("s1", "a", None)]
    assert in_order(works) == [0, 2, 3, 1]


def test_a_file_counts_for_each_class_of_hosts_alone() -> None:
    works = [work("s1", "a", 10), work("s2", "a", 30, BOTH), work("s3", "b", 20)]
    assert in_order(works) == [1, 2, 0]


def test_what_is_not_run_comes_last_and_nothing_has_no_order() -> None:
    assert in_order([work("s1", "a", 0), work("s2", "b", 1)]) == [1, 0]
    assert in_order([]) == []


def test_the_end_is_that_of_the_last_host() -> None:
    works = [work("s1", "a", 30, BOTH), work("s2", "a", 20, BOTH), work("s3", "a", 15, BOTH)]
    assert estimate(works) == Estimate(35, 0)
    assert estimate([*works, work("s4", "b", 10)]) == Estimate(40, 0)


def test_unknown_times_are_counted() -> None:
    assert estimate([work("s1", "a", None), work("s2", "a", 7)]) == Estimate(7, 1)
    assert estimate([]) == Estimate(0, 0)


WORKS = st.lists(
    st.builds(
        Work,
        server_id=st.sampled_from("stuv"),
        model_file=st.sampled_from("ab"),
        hosts=st.sampled_from([ALPHA, BOTH]),
        seconds=st.none() | st.integers(0, 50).map(float),
    ),
    max_size=12,
)


def runs(keys: list[object]) -> int:
    """Number of runs of equal keys."""
    return sum(a != b for a, b in pairwise(keys)) + bool(keys)


@given(WORKS)
def test_each_work_comes_once_and_each_server_starts_once_for_a_class(works: list[Work]) -> None:
    order = in_order(works)
    assert sorted(order) == list(range(len(works)))
    servers: list[object] = [(works[i].hosts, works[i].server_id) for i in order]
    assert runs(servers) == len(set(servers))
    for server in set(servers):
        positions = [i for i, key in zip(order, servers, strict=True) if key == server]
        assert positions == sorted(positions)


@given(WORKS)
def test_long_blocks_go_before_short_ones(works: list[Work]) -> None:
    one_each = [
        Work(f"{w.server_id}{w.model_file}", w.model_file, w.hosts, w.seconds) for w in works
    ]
    order = in_order(one_each)
    blocks: dict[object, float] = {}
    for i in order:
        seconds = one_each[i].seconds
        key = one_each[i].hosts, one_each[i].model_file
        blocks[key] = blocks.get(key, 0) + (float("inf") if seconds is None else seconds)
    totals = list(blocks.values())
    assert totals == sorted(totals, reverse=True)
    keys: list[object] = [(one_each[i].hosts, one_each[i].model_file) for i in order]
    assert runs(keys) == len(blocks)
