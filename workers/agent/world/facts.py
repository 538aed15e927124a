"""Everything that the world tells: plain data, the same for the same seed on every host."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

ORIGIN = "http://meridian.test"
"""Where the site is, for the model: the same address in every run. Tools map it to a port."""
HOST = "meridian.test"
SEARCH_PATH = "/search"
WEATHER_PATH = "/weather"
STAFF_PATH = "/staff"
PRODUCTS_PATH = "/shop"
TRAINS_PATH = "/trains"


@dataclass(frozen=True, slots=True)
class Day:
    """A day of a forecast."""

    date: date
    condition: str
    high_c: int
    low_c: int
    rain_pct: int
    wind_kmh: int


@dataclass(frozen=True, slots=True)
class Weather:
    """A city's weather today. No two cities share a high, a wind or a humidity."""

    name: str
    name_de: str
    country: str
    slug: str
    path: str
    path_de: str
    condition: str
    temperature_c: int
    """Now."""
    high_c: int
    low_c: int
    rain_pct: int
    wind_kmh: int
    humidity_pct: int
    sunrise: str
    sunset: str
    forecast: tuple[Day, ...]
    """Five days, tomorrow first."""

    @property
    def tomorrow(self) -> Day:
        """The first day of the forecast."""
        return self.forecast[0]


@dataclass(frozen=True, slots=True)
class Story:
    """A page of the news: a short one, or a long article."""

    path: str
    title: str
    section: str
    author: str
    published: date
    summary: str
    paragraphs: tuple[str, ...]
    facts: Mapping[str, str]
    """What it tells, in the words that stand in it."""
    follow_up: "Story | None" = None
    """A later page that it links, with facts of its own."""

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
    choices: Mapping[str, tuple[str, ...]]
    """Fields with a closed set of values."""


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
    """Pages that fail, and the facts that lie behind them."""

    missing: str
    """404; what it told is at `moved`, which the search finds."""
    moved: str
    moved_facts: Mapping[str, str]
    broken: str
    """500, always."""
    flaky: str
    """500 at the first request of each run, then the page."""
    flaky_facts: Mapping[str, str]
    slow: str
    """Sends nothing for longer than any tool waits."""
    truncated: str
    """Breaks off before its fact; `complete` is a full copy, which the search finds."""
    complete: str
    complete_facts: Mapping[str, str]
    loop: str
    """Redirects for ever."""


@dataclass(frozen=True, slots=True)
class Facts:
    """A world, told completely."""

    seed: int
    now: datetime
    """The world's clock; it stands still."""
    cities: Mapping[str, Weather]
    """Ten, by English name."""
    headlines: tuple[Story, ...]
    """The English front page, lead story first: short stories, then the two long articles."""
    articles: tuple[Story, Story]
    """Long ones, each with a follow-up."""
    headlines_de: tuple[Story, ...]
    """The German front page; the first is `article_de`."""
    article_de: Story
    staff: tuple[Person, ...]
    products: tuple[Product, ...]
    trains: tuple[Train, ...]
    register: Form
    """Course registration: name, email, course, seats, and an optional note."""
    newsletter: Form
    """email, edition (en, de), consent (yes)."""
    planted: Planted
    notice: Contradiction
    trouble: Trouble

    @property
    def today(self) -> date:
        """The world's date."""
        return self.now.date()


def confirmation_code(seed: int, form: Form, fields: Mapping[str, str]) -> str:
    """The code that the confirmation page shows, from what was sent: eight capitals and digits."""
    told = "/".join(f"{name}={fields.get(name, '')}" for name in (*form.required, *form.optional))
    return hashlib.sha256(f"{seed}{form.path}{told}".encode()).hexdigest()[:8].upper()
