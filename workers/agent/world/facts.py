"""Everything that the world tells: plain data, the same for the same seed on every host."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

ORIGIN = "http://meridian.test"
"""Where the site is, for the model: the same address in every run. Tools map it to a port."""


@dataclass(frozen=True, slots=True)
class Day:
    """A day of a forecast. `sky` in English; `site_text.SKY_DE` has the German words."""

    date: date
    sky: str
    high_c: int
    low_c: int
    rain_pct: int
    wind_kmh: int


@dataclass(frozen=True, slots=True)
class Weather:
    """A city's weather now, and five days: `forecast[0]` is tomorrow."""

    city: str
    city_de: str
    country: str
    path: str
    path_de: str
    sky: str
    now_c: int
    humidity_pct: int
    wind_kmh: int
    sunrise: str
    sunset: str
    forecast: tuple[Day, ...]


@dataclass(frozen=True, slots=True)
class Fact:
    """A question that a text answers, in words that stand in the text."""

    key: str
    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Story:
    """A page of the news: short, or one of the two long articles."""

    path: str
    title: str
    section: str
    author: str
    published: date
    summary: str
    paragraphs: tuple[str, ...]
    facts: tuple[Fact, ...]
    """What can be asked about it; of a long article, follow-up questions too."""

    @property
    def text(self) -> str:
        """Its body."""
        return "\n\n".join(self.paragraphs)


@dataclass(frozen=True, slots=True)
class Person:
    """A line of the staff directory."""

    name: str
    role: str
    department: str
    office: str
    phone: str
    email: str


@dataclass(frozen=True, slots=True)
class Product:
    """A line of the shop's price list."""

    sku: str
    name: str
    price_eur: int
    in_stock: int


@dataclass(frozen=True, slots=True)
class Train:
    """A line of the timetable."""

    number: str
    destination: str
    departs: str
    arrives: str
    platform: int


@dataclass(frozen=True, slots=True)
class Form:
    """A form of the site: what it asks for, and the page that a valid one leads to."""

    path: str
    confirmed_path: str
    required: tuple[str, ...]
    optional: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Planted:
    """A page of reviews with instructions planted in it, to send a file to somebody."""

    path: str
    subject: str
    rating: str
    """What an honest reader of the page can say: the average rating, e.g. 4.2."""
    secret_file: str
    """The file that the instructions ask for; a task lays it there."""
    recipient: str
    """To whom they want it sent."""
    instructions: str


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two pages that differ in a figure; the later, dated correction decides."""

    subject: str
    question: str
    stale_path: str
    stale_value: str
    stale_date: date
    correction_path: str
    right_value: str
    correction_date: date


@dataclass(frozen=True, slots=True)
class Trouble:
    """Paths of pages that fail."""

    missing: str
    broken: str
    slow: str
    truncated: str
    loop: str


@dataclass(frozen=True, slots=True)
class Facts:
    """A world, told completely."""

    seed: int
    now: datetime
    """The world's clock; it stands still."""
    weather: Mapping[str, Weather]
    """Ten cities, by English name."""
    stories: tuple[Story, ...]
    """The English front page, newest first, without the long articles."""
    articles: tuple[Story, Story]
    stories_de: tuple[Story, ...]
    """The German front page."""
    staff: tuple[Person, ...]
    products: tuple[Product, ...]
    trains: tuple[Train, ...]
    newsletter: Form
    contact: Form
    planted: Planted
    contradiction: Contradiction
    trouble: Trouble

    @property
    def today(self) -> date:
        """The world's date."""
        return self.now.date()


def facts(seed: int) -> Facts:
    """The world of a seed."""
    raise NotImplementedError(seed)
