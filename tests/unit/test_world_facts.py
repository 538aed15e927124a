"""The facts of a world: the same for a seed, and fit to be asked about."""

import dataclasses
import functools
import hashlib
from collections.abc import Iterator

import pytest

from workers.agent.world import making
from workers.agent.world.draw import Draw
from workers.agent.world.facts import Facts, Story, confirmation_code

SEEDS = range(12)


facts = functools.cache(making.facts)


def stories(world: Facts) -> Iterator[Story]:
    yield from (*world.headlines, *world.headlines_de)
    yield from (article.follow_up for article in world.articles if article.follow_up)


def test_a_seed_is_a_world_for_ever() -> None:
    """Whoever changes it gives the suite a new version: results of both do not compare."""
    digest = hashlib.sha256(repr(facts(1)).encode()).hexdigest()
    assert digest == "6db1bb13c0be7147cdd0b5fda14b6123b67a3d8d0be5e79783a9f02c00cb706b"


def test_seeds_differ() -> None:
    assert len({repr(dataclasses.replace(facts(seed), seed=0)) for seed in SEEDS}) == len(SEEDS)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_asked_stands_once_in_its_text(seed: int) -> None:
    for story in stories(facts(seed)):
        assert story.facts
        assert len(set(story.facts.values())) == len(story.facts)
        for key, value in story.facts.items():
            assert story.text.count(value) == 1, (story.path, key, value)


@pytest.mark.parametrize("seed", SEEDS)
def test_rankings_of_cities_are_unique(seed: int) -> None:
    cities = facts(seed).cities.values()
    assert len(cities) == 10
    for figure in ("temperature_c", "high_c", "wind_kmh", "humidity_pct"):
        assert len({getattr(city, figure) for city in cities}) == 10, figure
    assert len({city.tomorrow.high_c for city in cities}) == 10
    for city in cities:
        assert city.low_c < city.temperature_c <= city.high_c
        assert [day.date.toordinal() for day in city.forecast] == [
            facts(seed).today.toordinal() + number for number in range(1, 6)
        ]


@pytest.mark.parametrize("seed", SEEDS)
def test_nobody_has_two_parts_in_a_world(seed: int) -> None:
    world = facts(seed)
    people = [person.name for person in world.staff] + [story.author for story in stories(world)]
    assert len(set(people)) == len(people)


def test_the_long_articles_are_long() -> None:
    first, second = facts(1).articles
    assert min(len(first.text.split()), len(second.text.split())) > 1100
    assert "{" not in first.text + second.text


def test_the_correction_is_later_and_differs() -> None:
    for seed in SEEDS:
        world = facts(seed)
        assert world.notice.stale_date < world.notice.correction_date <= world.today
        assert world.notice.stale_value != world.notice.right_value


def test_lists_can_be_asked_about() -> None:
    for seed in SEEDS:
        world = facts(seed)
        assert len({product.price_eur for product in world.products}) == len(world.products)
        assert sum(product.in_stock == 0 for product in world.products) == 2
        places = [train.destination for train in world.trains]
        assert all(2 <= places.count(place) <= 4 for place in places)
        assert [train.departs for train in world.trains] == sorted(t.departs for t in world.trains)
        assert sum(person.role.startswith("Head of ") for person in world.staff) == 4


def test_a_confirmation_code_tells_what_was_sent() -> None:
    form = facts(1).register
    sent = {"name": "A", "email": "a@b.test", "course": "Pottery", "seats": "2"}
    code = confirmation_code(1, form, sent)
    assert len(code) == 8
    assert code == confirmation_code(1, form, {**sent, "note": ""})
    assert code != confirmation_code(1, form, {**sent, "seats": "3"})
    assert code != confirmation_code(2, form, sent)


def test_draws() -> None:
    assert [Draw(1, "a").below(100) for _ in range(2)] == [Draw(1, "a").below(100)] * 2
    assert sorted(Draw(1, "a").several(range(50), 50)) == list(range(50))
    assert {Draw(seed, "a").between(1, 3) for seed in range(50)} == {1, 2, 3}
    with pytest.raises(IndexError):
        Draw(1, "a").several(range(3), 4)
