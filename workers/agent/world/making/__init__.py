"""The world of a seed."""

from datetime import UTC, datetime

from workers.agent.world.draw import Draw
from workers.agent.world.facts import Facts
from workers.agent.world.making import articles, lists, oddities, weather
from workers.agent.world.making.names import Names

__all__ = ["facts"]


def facts(seed: int) -> Facts:
    """The world of a seed: the same on every host, in every month."""
    draw, names = Draw(seed, "clock"), Names(seed)
    now = datetime(
        2031, draw.between(4, 9), draw.between(3, 26), draw.between(8, 17), 20, tzinfo=UTC
    )
    today = now.date()
    long_ones = (articles.tunnel(seed, today, names), articles.observatory(seed, today, names))
    article_de = articles.museum(seed, today, names)
    return Facts(
        seed=seed,
        now=now,
        cities=weather.cities(seed, today),
        headlines=(*articles.short(seed, today, names, "en"), *long_ones),
        articles=long_ones,
        headlines_de=(article_de, *articles.short(seed, today, names, "de")),
        article_de=article_de,
        staff=lists.staff(seed, names),
        products=lists.products(seed),
        trains=lists.trains(seed),
        register=lists.REGISTER,
        newsletter=lists.NEWSLETTER,
        planted=oddities.planted(seed),
        notice=oddities.notice(seed, today),
        trouble=oddities.trouble(seed, names),
    )
