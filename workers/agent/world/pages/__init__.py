"""The pages of the site, from its facts: pure."""

from collections.abc import Mapping

from workers.agent.world.facts import Facts
from workers.agent.world.pages import forms, lists, news, oddities, weather
from workers.agent.world.pages.markup import Page

__all__ = ["Page", "pages"]


def pages(facts: Facts) -> Mapping[str, Page]:
    """All pages that stand still, by path."""
    found = (*news.pages(facts), *weather.pages(facts), *lists.pages(facts))
    return {page.path: page for page in (*found, *forms.pages(facts), *oddities.pages(facts))}
