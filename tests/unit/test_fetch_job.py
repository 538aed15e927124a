from collections import Counter

import pytest

from orchestrator.fleet.fetch_job import (
    TRIES,
    UPLOADS_A_HOST,
    GiveUp,
    Job,
    Policy,
    Try,
    Wait,
    fetch_policy,
    next_try,
)
from warehouse.errors import ConfigError
from workers.models.config import ModelConfig
from workers.models.fetching import Wanted
from workers.models.ways import PEER, SHARED, STORE, UPSTREAM, WAYS

WANTED = Wanted(ModelConfig(name="tiny"), "F16", "0" * 64, 1000, "tiny.gguf")


def job(*ways: str) -> Job:
    return Job("gamma", WANTED, ways)


def test_ways_are_tried_in_the_order_of_the_policy() -> None:
    tried: list[Try] = []
    todo = job(UPSTREAM, STORE, PEER, SHARED)
    while isinstance(attempt := next_try(todo, ["alpha"], {}), Try):
        tried.append(attempt)
        todo = todo.after(attempt, "no", may_pass=False)
    assert tried == [Try(UPSTREAM), Try(STORE), Try(PEER, "alpha"), Try(SHARED)]


def test_every_host_that_has_it_is_asked_before_the_next_way() -> None:
    first = job(PEER, UPSTREAM).after(Try(PEER, "alpha"), "wrong file", may_pass=False)
    assert next_try(first, ["alpha", "beta"], {}) == Try(PEER, "beta")
    second = first.after(Try(PEER, "beta"), "wrong file", may_pass=False)
    assert next_try(second, ["alpha", "beta"], {}) == Try(UPSTREAM)
    assert next_try(second, ["alpha", "beta", "delta"], {}) == Try(PEER, "delta")


def test_who_gives_least_away_is_asked_and_nobody_beyond_the_limit() -> None:
    todo = job(PEER, UPSTREAM)
    assert next_try(todo, ["alpha", "beta"], {"alpha": 1}) == Try(PEER, "beta")
    busy = {"alpha": UPLOADS_A_HOST, "beta": UPLOADS_A_HOST}
    assert next_try(todo, ["alpha", "beta"], busy) == Wait()
    assert next_try(todo, [], busy) == Try(UPSTREAM)


def test_copies_spread_from_everybody_who_has_got_one() -> None:
    having, lacking = ["h0"], [f"h{number}" for number in range(1, 27)]
    rounds = 0
    while lacking:
        rounds += 1
        having, lacking = after_a_round(having, lacking)
    assert rounds == 3  # 1, 3, 9, 27 have it


def after_a_round(having: list[str], lacking: list[str]) -> tuple[list[str], list[str]]:
    """Who has the file and who lacks it once everybody has given away all that he may at once."""
    uploads: Counter[str] = Counter()
    for _ in lacking:
        attempt = next_try(job(PEER), having, uploads)
        if isinstance(attempt, Try) and attempt.source:
            uploads[attempt.source] += 1
    served = uploads.total()
    return having + lacking[:served], lacking[served:]


def test_what_may_pass_is_tried_again_so_often() -> None:
    todo = job(PEER)
    for number in range(TRIES):
        assert next_try(todo, ["alpha"], {}) == Try(PEER, "alpha"), number
        todo = todo.after(Try(PEER, "alpha"), "the worker was killed", may_pass=True)
    reason = "gamma has no tiny.gguf; alpha: the worker was killed"
    assert next_try(todo, ["alpha"], {}) == GiveUp(reason)
    # once it is up again, it counts as new
    assert next_try(todo.again_from("alpha"), ["alpha"], {}) == Try(PEER, "alpha")


def test_giving_up_tells_every_way() -> None:
    todo = job(STORE, PEER, UPSTREAM)
    todo = todo.after(Try(STORE), "not there", may_pass=False)
    todo = todo.after(Try(UPSTREAM), "offline", may_pass=False)
    told = "store: not there; upstream: offline; no other host of the fleet has it"
    assert next_try(todo, [], {}) == GiveUp(f"gamma has no tiny.gguf; {told}")
    none = "gamma has no tiny.gguf; fleet.fetch names no way to it"
    assert next_try(job(), ["alpha"], {}) == GiveUp(none)


def test_policies() -> None:
    assert fetch_policy(list(WAYS), None) == Policy((STORE, PEER, UPSTREAM), None)
    assert fetch_policy(list(WAYS), "/nas") == Policy(WAYS, "/nas")
    with pytest.raises(ConfigError, match="'hub' is none of store, shared, peer, upstream"):
        fetch_policy(["store", "hub"], None)
    with pytest.raises(ConfigError, match="names a way twice"):
        fetch_policy(["store", "peer", "store"], None)
