"""The staff directory, the price list, the timetable, and the page that links them."""

from collections.abc import Iterator

from workers.agent.world.facts import PRODUCTS_PATH, STAFF_PATH, TRAINS_PATH, Facts
from workers.agent.world.pages.markup import Page, items, link, table


def pages(facts: Facts) -> Iterator[Page]:
    """The three lists."""
    links = (
        (STAFF_PATH, "Staff directory"),
        (PRODUCTS_PATH, "Shop"),
        (TRAINS_PATH, "Train departures"),
        (facts.register.path, "Course registration"),
        (facts.newsletter.path, "Newsletter"),
    )
    yield Page("/services", "Services", items(link(path, name) for path, name in links))
    people = [
        (person.name, person.role, person.department, person.office, person.phone, person.email)
        for person in facts.staff
    ]
    columns = ("Name", "Role", "Department", "Office", "Phone", "E-mail")
    yield Page(STAFF_PATH, "Staff directory", table(columns, people))
    goods = [
        (good.sku, good.name, f"{good.price_eur} EUR", good.in_stock or "sold out")
        for good in facts.products
    ]
    yield Page(PRODUCTS_PATH, "Shop", table(("Number", "Article", "Price", "In stock"), goods))
    trains = [
        (train.departs, train.number, train.destination, train.arrives, train.platform)
        for train in facts.trains
    ]
    head = ("Departs", "Train", "To", "Arrives", "Platform")
    yield Page(TRAINS_PATH, "Train departures this morning", table(head, trains))
