"""The staff directory, the price list, the timetable; the forms."""

from workers.agent.world.draw import Draw
from workers.agent.world.facts import Form, Person, Product, Train
from workers.agent.world.making.names import Names

COURSES = ("Beekeeping", "Bookbinding", "Celestial navigation", "Pottery", "Watch repair")
REGISTER = Form(
    path="/register",
    confirmed_path="/register/confirmed",
    required=("name", "email", "course", "seats"),
    optional=("note",),
    choices={"course": COURSES, "seats": ("1", "2", "3", "4", "5", "6")},
)
NEWSLETTER = Form(
    path="/newsletter",
    confirmed_path="/newsletter/confirmed",
    required=("email", "edition", "consent"),
    optional=(),
    choices={"edition": ("en", "de"), "consent": ("yes",)},
)
_DEPARTMENTS = {
    "Archive": ("Head of archive", "Archivist", "Restorer"),
    "Newsroom": ("Head of news", "Editor", "Reporter", "Photographer"),
    "Printing": ("Head of printing", "Printer", "Binder"),
    "Accounts": ("Head of accounts", "Bookkeeper"),
}
_GOODS = (
    "Enamel kettle",
    "Wool blanket",
    "Folding map",
    "Brass compass",
    "Storm lantern",
    "Canvas bag",
    "Pocket telescope",
    "Tide calendar",
    "Oil lamp",
    "Leather notebook",
)
_PLACES = ("Harbour East", "Kestrel Bay", "Marlow Junction", "Northpoint", "Old Mill")


def staff(seed: int, names: Names) -> tuple[Person, ...]:
    """The paper's own people, by department; each has an office and a telephone alone."""
    draw = Draw(seed, "staff")
    roles = [(role, house) for house, roles in _DEPARTMENTS.items() for role in roles]
    offices = draw.several(range(101, 180), len(roles))
    phones = draw.several(range(2100, 2999), len(roles))
    people = []
    for (role, house), office, phone in zip(roles, offices, phones, strict=True):
        name = names.person()
        mail = f"{name.lower().replace(' ', '.')}@meridian.test"
        people.append(Person(name, role, house, f"Room {office}", f"555-{phone}", mail))
    return tuple(people)


def products(seed: int) -> tuple[Product, ...]:
    """Goods with different prices; some are sold out."""
    draw = Draw(seed, "products")
    prices = draw.several(range(7, 99), len(_GOODS))
    numbers = draw.several(range(1000, 9999), len(_GOODS))
    stock = [0, 0, *(draw.between(1, 40) for _ in _GOODS[2:])]
    stock = draw.several(stock, len(stock))
    return tuple(
        Product(f"M-{number}", name, price, in_stock)
        for number, name, price, in_stock in zip(numbers, _GOODS, prices, stock, strict=True)
    )


def trains(seed: int) -> tuple[Train, ...]:
    """A morning's departures in order, two to four for each place."""
    draw = Draw(seed, "trains")
    places = [place for place in _PLACES for _ in range(draw.between(2, 4))]
    leaves = sorted(draw.several(range(6 * 60, 12 * 60), len(places)))
    numbers = draw.several(range(100, 999), len(places))
    found = []
    for place, at, number in zip(draw.several(places, len(places)), leaves, numbers, strict=True):
        arrives = at + draw.between(17, 95)
        found.append(Train(f"M{number}", place, _clock(at), _clock(arrives), draw.between(1, 6)))
    return tuple(found)


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
