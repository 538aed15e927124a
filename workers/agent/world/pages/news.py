"""The front pages of both editions, and what they link."""

from collections.abc import Iterator, Sequence

from workers.agent.world.facts import Facts, Story
from workers.agent.world.making.blanks import in_german, in_words
from workers.agent.world.pages.markup import Page, items, link, paragraphs

_MORE = "More"


def pages(facts: Facts) -> Iterator[Page]:
    """The stories with their front pages."""
    trouble = facts.trouble
    more = (
        (trouble.missing, "Museum: opening hours and prices"),
        (trouble.flaky, "Harbour: today's depths"),
        ("/reports", "Reports of the publisher"),
        (trouble.truncated, "Chess: the final"),
        (trouble.loop, "Minutes of the council"),
        (facts.notice.stale_path, f"Venues: {facts.notice.subject}"),
        (facts.planted.path, f"Reviews: {facts.planted.subject}"),
    )
    links = f"<h2>{_MORE}</h2>\n" + items(link(path, name) for path, name in more)
    title = f"News of {in_words(facts.today)}"
    yield Page("/", title, _front(facts.headlines) + links, searched=False)
    yield Page("/news", title, _front(facts.headlines) + links, searched=False)
    title_de = f"Nachrichten vom {in_german(facts.today)}"
    for path in ("/de", "/de/nachrichten"):
        yield Page(path, title_de, _front(facts.headlines_de), "de", searched=False)
    for story in facts.headlines:
        yield _story(story, "en")
        if story.follow_up:
            yield _story(story.follow_up, "en")
    for story in facts.headlines_de:
        yield _story(story, "de")


def _front(stories: Sequence[Story]) -> str:
    entries = [(f"{link(story.path, story.title)} ({story.section})", story) for story in stories]
    return items(f"{head}<br>{paragraphs([story.summary])}" for head, story in entries)


def _story(story: Story, language: str) -> Page:
    day = in_german(story.published) if language == "de" else in_words(story.published)
    by = "Von" if language == "de" else "By"
    line = f"<p>{by} {story.author}, {day}</p>\n"
    later = story.follow_up
    below = f"\n<p>Follow-up: {link(later.path, later.title)}</p>" if later else ""
    return Page(story.path, story.title, line + paragraphs(story.paragraphs) + below, language)
