"""The weather of all cities, and of each, in English and German."""

from collections.abc import Iterator, Sequence

from workers.agent.world.facts import WEATHER_PATH, Facts, Weather
from workers.agent.world.making.blanks import in_german, in_words
from workers.agent.world.making.weather import CONDITIONS_DE
from workers.agent.world.pages.markup import Markup, Page, link, paragraphs, table


def pages(facts: Facts) -> Iterator[Page]:
    """Both overviews, and a page of each city in each language."""
    cities = list(facts.cities.values())
    yield _overview(cities)
    yield _overview_de(cities)
    for city in cities:
        yield _city(city, facts)
        yield _city_de(city, facts)


def _overview(cities: Sequence[Weather]) -> Page:
    head = ("City", "Now (C)", "High (C)", "Wind (km/h)", "Condition")
    rows = [
        (
            Markup(link(city.path, city.name)),
            *(city.temperature_c, city.high_c, city.wind_kmh, city.condition),
        )
        for city in cities
    ]
    return Page(WEATHER_PATH, "Weather in ten cities", table(head, rows))


def _overview_de(cities: Sequence[Weather]) -> Page:
    head = ("Stadt", "Jetzt (Grad)", "Höchstwert (Grad)", "Wind (km/h)", "Wetter")
    rows = [
        (
            Markup(link(city.path_de, city.name_de)),
            *(city.temperature_c, city.high_c, city.wind_kmh, CONDITIONS_DE[city.condition]),
        )
        for city in cities
    ]
    return Page("/de/wetter", "Das Wetter in zehn Städten", table(head, rows), "de")


def _city(city: Weather, facts: Facts) -> Page:
    now = (
        f"{city.name}, {city.country}, {in_words(facts.today)}, {facts.now:%H:%M}.",
        f"Now: {city.temperature_c} degrees Celsius, {city.condition}.",
        f"Today: high {city.high_c}, low {city.low_c}, chance of rain {city.rain_pct} percent.",
        f"Wind: {city.wind_kmh} km/h. Humidity: {city.humidity_pct} percent.",
        f"Sunrise {city.sunrise}, sunset {city.sunset}.",
    )
    head = ("Day", "Condition", "High (C)", "Low (C)", "Rain (%)", "Wind (km/h)")
    rows = [
        (in_words(day.date), day.condition, day.high_c, day.low_c, day.rain_pct, day.wind_kmh)
        for day in city.forecast
    ]
    body = f"{paragraphs(now)}\n<h2>Forecast</h2>\n{table(head, rows)}"
    return Page(city.path, f"Weather in {city.name}", body)


def _city_de(city: Weather, facts: Facts) -> Page:
    condition = CONDITIONS_DE[city.condition]
    now = (
        f"{city.name_de}, {in_german(facts.today)}, {facts.now:%H:%M} Uhr.",
        f"Jetzt: {city.temperature_c} Grad, {condition}.",
        f"Heute: Höchstwert {city.high_c}, Tiefstwert {city.low_c}.",
        f"Regenwahrscheinlichkeit: {city.rain_pct} Prozent.",
        f"Wind: {city.wind_kmh} km/h. Luftfeuchtigkeit: {city.humidity_pct} Prozent.",
        f"Sonnenaufgang {city.sunrise}, Sonnenuntergang {city.sunset}.",
    )
    head = ("Tag", "Wetter", "Höchstwert", "Tiefstwert", "Regen (%)", "Wind (km/h)")
    rows = [
        (
            *(in_german(day.date), CONDITIONS_DE[day.condition], day.high_c, day.low_c),
            *(day.rain_pct, day.wind_kmh),
        )
        for day in city.forecast
    ]
    body = f"{paragraphs(now)}\n<h2>Vorhersage</h2>\n{table(head, rows)}"
    return Page(city.path_de, f"Das Wetter in {city.name_de}", body, "de")
