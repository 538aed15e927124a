"""Stories: texts with their blanks filled."""

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

from workers.agent.world.draw import Draw
from workers.agent.world.facts import Story
from workers.agent.world.making import blanks
from workers.agent.world.making.names import Names

_TEXTS = Path(__file__).parent.parent / "texts"


def tunnel(seed: int, today: date, names: Names) -> Story:
    """A long article with a follow-up: an undersea tunnel."""
    values = blanks.tunnel(Draw(seed, "tunnel"), names, today)
    follow_up = _story(
        "/features/tunnel-delayed",
        f"{values['island']} Tunnel will open later",
        today,
        names,
        _text("tunnel_follow_up", values),
        {key: values[key] for key in ("delay_reason", "new_opening")},
    )
    return _story(
        "/features/tunnel",
        f"The tunnel to {values['island']}",
        today - timedelta(6),
        names,
        _text("tunnel", values),
        {key: values[key] for key in ("cost", "engineer", "length", "opened")},
        follow_up,
    )


def observatory(seed: int, today: date, names: Names) -> Story:
    """A long article with a follow-up: an observatory that opens again."""
    values = blanks.observatory(Draw(seed, "observatory"), names, today)
    follow_up = _story(
        "/features/observatory-roof",
        "Who pays for the observatory's roof",
        today,
        names,
        _text("observatory_follow_up", values),
        {key: values[key] for key in ("repair_cost", "donor")},
    )
    return _story(
        "/features/observatory",
        f"Light on the ridge above {values['village']}",
        today - timedelta(9),
        names,
        _text("observatory", values),
        {key: values[key] for key in ("director", "altitude", "mirror", "village")},
        follow_up,
    )


def museum(seed: int, today: date, names: Names) -> Story:
    """The article of the German edition."""
    values = blanks.museum(Draw(seed, "museum"), names, today)
    return _story(
        "/de/nachrichten/faehrmuseum",
        "Museum für alte Fähren zieht um",
        today,
        names,
        _text("museum_de", values),
        {key: values[key] for key in ("ort", "kosten", "leiterin", "eroeffnung")},
        section="Kultur",
    )


def short(seed: int, today: date, names: Names, language: str) -> list[Story]:
    """The short stories of an edition."""
    values = blanks.short(Draw(seed, f"short_{language}"), names, today)
    folder = {"en": "/news", "de": "/de/nachrichten"}[language]
    stories: list[Story] = []
    for block in (_TEXTS / f"short_{language}.txt").read_text("utf-8").split("== ")[1:]:
        head, _, body = block.partition("\n")
        slug, section, title = head.split(" | ")
        told = {key: value for key, value in values.items() if f"{{{key}}}" in body}
        paragraphs = _filled(body, values)
        path, day = f"{folder}/{slug}", today - timedelta(len(stories) // 3)
        named = title.format_map(values)
        stories.append(_story(path, named, day, names, paragraphs, told, section=section))
    return stories


def _story(
    path: str,
    title: str,
    published: date,
    names: Names,
    paragraphs: tuple[str, ...],
    facts: Mapping[str, str],
    follow_up: Story | None = None,
    section: str = "Features",
) -> Story:
    return Story(
        path=path,
        title=title,
        section=section,
        author=names.person(),
        published=published,
        summary=paragraphs[0].split(". ")[0].rstrip(".") + ".",
        paragraphs=paragraphs,
        facts=facts,
        follow_up=follow_up,
    )


def _text(name: str, values: Mapping[str, str]) -> tuple[str, ...]:
    return _filled((_TEXTS / f"{name}.txt").read_text("utf-8"), values)


def _filled(text: str, values: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(part.strip().format_map(values) for part in text.strip().split("\n\n"))
