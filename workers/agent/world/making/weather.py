"""The weather of ten cities."""

from collections.abc import Mapping
from datetime import date, timedelta

from workers.agent.world.draw import Draw
from workers.agent.world.facts import WEATHER_PATH, Day, Weather

CONDITIONS_DE = {
    "sunny": "sonnig",
    "partly cloudy": "leicht bewölkt",
    "overcast": "bedeckt",
    "light rain": "leichter Regen",
    "heavy rain": "starker Regen",
    "thunderstorms": "Gewitter",
    "fog": "Nebel",
}
_DRY = ("sunny", "partly cloudy", "overcast", "fog")
_WET = ("light rain", "heavy rain", "thunderstorms")
_CITIES = (
    ("Athens", "Athen", "Greece"),
    ("Budapest", "Budapest", "Hungary"),
    ("Copenhagen", "Kopenhagen", "Denmark"),
    ("Dublin", "Dublin", "Ireland"),
    ("Geneva", "Genf", "Switzerland"),
    ("Lisbon", "Lissabon", "Portugal"),
    ("Oslo", "Oslo", "Norway"),
    ("Prague", "Prag", "Czechia"),
    ("Vienna", "Wien", "Austria"),
    ("Warsaw", "Warschau", "Poland"),
)
DAYS = 5


def cities(seed: int, today: date) -> Mapping[str, Weather]:
    """By English name. What rankings are made of is different in each city."""
    draw, count = Draw(seed, "weather"), len(_CITIES)
    highs = draw.several(range(13, 35), count)
    winds = draw.several(range(5, 46), count)
    humidity = draw.several(range(35, 96), count)
    days = [draw.several(range(12, 35), count) for _ in range(DAYS)]
    cooler = draw.between(1, 4)
    found = {}
    for at, (name, name_de, country) in enumerate(_CITIES):
        rain = draw.between(0, 19) * 5
        found[name] = Weather(
            name=name,
            name_de=name_de,
            country=country,
            slug=name.lower(),
            path=f"{WEATHER_PATH}/{name.lower()}",
            path_de=f"/de/wetter/{name_de.lower()}",
            condition=_condition(draw, rain),
            temperature_c=highs[at] - cooler,
            high_c=highs[at],
            low_c=highs[at] - draw.between(6, 11),
            rain_pct=rain,
            wind_kmh=winds[at],
            humidity_pct=humidity[at],
            sunrise=f"0{draw.between(5, 6)}:{draw.between(10, 59)}",
            sunset=f"{draw.between(19, 20)}:{draw.between(10, 59)}",
            forecast=tuple(
                _day(draw, today + timedelta(number + 1), days[number][at])
                for number in range(DAYS)
            ),
        )
    return found


def _day(draw: Draw, day: date, high_c: int) -> Day:
    rain = draw.between(0, 19) * 5
    low_c, wind_kmh = high_c - draw.between(5, 11), draw.between(4, 48)
    return Day(day, _condition(draw, rain), high_c, low_c, rain, wind_kmh)


def _condition(draw: Draw, rain_pct: int) -> str:
    return draw.pick(_WET if rain_pct >= 50 else _DRY)
