"""What fills the blanks of the texts."""

from datetime import date, timedelta

from workers.agent.world.draw import Draw
from workers.agent.world.making.names import Names

Values = dict[str, str]

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_MONTHS_DE = (
    *("Januar", "Februar", "März", "April", "Mai", "Juni"),
    *("Juli", "August", "September", "Oktober", "November", "Dezember"),
)


def in_words(day: date) -> str:
    """As English pages write a date, whatever the locale."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def in_german(day: date) -> str:
    """As German pages write a date."""
    return f"{day.day}. {_MONTHS_DE[day.month - 1]} {day.year}"


def tunnel(draw: Draw, names: Names, today: date) -> Values:
    """Of the tunnel and its follow-up."""
    people = [
        "mayor",
        "engineer",
        "surveyor",
        "farmer",
        "historian",
        "shift_leader",
        "apprentice",
        "foreman",
    ]
    people += ["ventilator", "captain", "machine"]
    opened = today + timedelta(draw.between(30, 60))
    yes = draw.between(12, 16)
    return {
        **{role: names.person() for role in people},
        "island": draw.pick(("Skerra", "Hallow", "Tarnsey", "Vinga")),
        "mainland": draw.pick(("Porthaven", "Eastness", "Corrin", "Dunmore")),
        "length": f"{draw.between(2, 8)},{draw.between(101, 989)} metres",
        "cost": f"{draw.between(112, 389)} million euros",
        "petition_year": str(draw.between(1871, 1899)),
        "pupils": str(draw.between(9, 17)),
        "votes_for": str(yes),
        "votes_against": str(yes - 1),
        "crossings": str(draw.between(40, 90)),
        "moved_by": f"{draw.between(120, 340)} yards",
        "miners": str(draw.between(5, 14)),
        "containers": str(draw.between(31, 58)),
        "per_day": f"{draw.between(9, 19)} paces",
        "stops": str(draw.between(1203, 2890)),
        "evacuated": str(draw.between(4, 8)),
        "report_pages": str(draw.between(310, 560)),
        "ring": str(draw.between(612, 1190)),
        "fans": str(draw.between(22, 30)),
        "battery_hours": str(draw.between(10, 20)),
        "signatures": str(draw.between(591, 609)),
        "toll": draw.pick(("four euros", "six euros", "seven euros", "nine euros")),
        "cars": str(draw.between(701, 899)),
        "opened": in_words(opened),
        "published": in_words(today),
        "delay_reason": draw.pick(
            (
                "a leak in the drainage pumps",
                "cracked brackets in the ventilation",
                "salt in the power cables",
                "a faulty fire alarm",
            )
        ),
        "new_opening": in_words(opened + timedelta(draw.between(90, 150))),
    }


def observatory(draw: Draw, names: Names, today: date) -> Values:
    """Of the observatory and its follow-up."""
    people = [
        "director",
        "archivist",
        "caretaker",
        "locksmith",
        "broom",
        "programmer",
        "cook",
        "judge",
        "donor",
    ]
    return {
        **{role: names.person() for role in people},
        "village": draw.pick(("Obersee", "Valdora", "Kirnbach", "Monteluz")),
        "altitude": f"{draw.between(1, 2)},{draw.between(203, 987)} metres",
        "mirror": f"{draw.between(1, 3)}.{draw.between(1, 9)} metres",
        "ground_years": str(draw.between(5, 9)),
        "items": str(draw.between(3100, 4900)),
        "strange_item": str(draw.between(511, 1899)),
        "dome_tons": str(draw.between(41, 77)),
        "travel_km": str(draw.between(180, 420)),
        "beard_s": str(draw.between(15, 24)),
        "megapixels": str(draw.between(31, 39)),
        "uni_nights": str(draw.between(25, 29)),
        "clear_nights": str(draw.between(150, 177)),
        "lamps": str(draw.between(80, 140)),
        "visitors": str(draw.between(5100, 8900)),
        "published": in_words(today),
        "repair_cost": f"{draw.between(141, 489)},000 euros",
    }


def museum(draw: Draw, names: Names, today: date) -> Values:
    """Of the German article."""
    return {
        "ort": draw.pick(("Wasserburg", "Altenhafen", "Rheinau", "Seehausen")),
        "kosten": f"{draw.between(2, 8)},{draw.between(1, 9)} Millionen Euro",
        "leiterin": names.person(),
        "eroeffnung": in_german(today + timedelta(draw.between(40, 80))),
        "published_de": in_german(today),
        "kuchen": str(draw.between(900, 1900)),
        "schiffe": str(draw.between(12, 29)),
        "faehre": draw.pick(("Concordia", "Lorelei", "Undine", "Hoffnung")),
    }


def short(draw: Draw, names: Names, today: date) -> Values:
    """Of the short stories of both editions."""
    people = [
        "counter",
        "councillor",
        "baker",
        "rower",
        "ferryman",
        "finder",
        "fahrgast",
        "imkerin",
        "regie",
    ]
    return {
        **{role: names.person() for role in people},
        "seals": str(draw.between(340, 980)),
        "closing": draw.pick(("eleven o'clock", "midnight", "one in the morning")),
        "guards": draw.pick(("two", "three", "four", "five")),
        "bread": f"{draw.between(3, 6)}.{draw.between(10, 99)} euros",
        "race_time": f"{draw.between(41, 58)} minutes and {draw.between(2, 59)} seconds",
        "bridge_open": in_words(today + timedelta(draw.between(20, 50))),
        "washed_cm": str(draw.between(32, 98)),
        "brightest": in_words(today + timedelta(draw.between(2, 9))),
        "takt_min": str(draw.between(4, 9)),
        "halte": str(draw.between(10, 19)),
        "honig_kg": str(draw.between(21, 38)),
        "stueck": draw.pick(("Der Sturm", "Nathan der Weise", "Der zerbrochne Krug")),
        "beginn": str(draw.between(18, 21)),
    }
