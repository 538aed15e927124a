"""What the site answers, without a socket."""

import pytest

from workers.agent.tools.reading import text_of
from workers.agent.world.facts import PRODUCTS_PATH, STAFF_PATH, TRAINS_PATH, Story
from workers.agent.world.making import facts
from workers.agent.world.pages import pages
from workers.agent.world.pages.search import search
from workers.agent.world.site import Manner, Site
from workers.agent.world.state import FormPost

FACTS = facts(3)
TROUBLE = FACTS.trouble
SENT = "name=Ada+Lund&email=ada%40lund.test&course=Pottery&seats=2"


@pytest.fixture
def site() -> Site:
    return Site(FACTS)


def text(site: Site, path: str) -> str:
    answer = site.answer("GET", path, "")
    assert answer.status == 200, path
    return text_of(answer.html)


def all_stories() -> list[Story]:
    later = [article.follow_up for article in FACTS.articles if article.follow_up]
    return [*FACTS.headlines, *FACTS.headlines_de, *later]


def test_each_story_is_told_where_it_is(site: Site) -> None:
    for story in all_stories():
        told = text(site, story.path)
        assert story.title in told
        assert all(told.count(value) >= 1 for value in story.facts.values())


def test_the_front_pages_link_all_stories(site: Site) -> None:
    for path, stories in (("/", FACTS.headlines), ("/de", FACTS.headlines_de)):
        front = text(site, path)
        places = [front.index(f"({story.path})") for story in stories]
        assert places == sorted(places)


def test_articles_link_their_follow_ups(site: Site) -> None:
    for article in FACTS.articles:
        assert article.follow_up is not None
        assert f"({article.follow_up.path})" in text(site, article.path)


def test_weather_in_both_languages(site: Site) -> None:
    overview = text(site, "/weather")
    for city in FACTS.cities.values():
        assert f"{city.name} ({city.path}) | {city.temperature_c} | {city.high_c}" in overview
        told = text(site, city.path)
        assert f"Now: {city.temperature_c} degrees" in told
        assert f"| {city.tomorrow.high_c} | {city.tomorrow.low_c} |" in told
        assert f"Jetzt: {city.temperature_c} Grad" in text(site, city.path_de)
        assert f"Luftfeuchtigkeit: {city.humidity_pct} Prozent" in text(site, city.path_de)


def test_lists(site: Site) -> None:
    staff, goods, trains = (text(site, path) for path in (STAFF_PATH, PRODUCTS_PATH, TRAINS_PATH))
    for person in FACTS.staff:
        assert f"{person.name} | {person.role} | {person.department} | {person.office}" in staff
    for product in FACTS.products:
        assert (
            f"{product.name} | {product.price_eur} EUR | {product.in_stock or 'sold out'}" in goods
        )
    for train in FACTS.trains:
        assert f"{train.departs} | {train.number} | {train.destination}" in trains


def test_every_link_leads_to_a_page_or_fails_on_purpose(site: Site) -> None:
    fails = {TROUBLE.missing, TROUBLE.broken, TROUBLE.slow, TROUBLE.truncated, TROUBLE.loop}
    for page in pages(FACTS).values():
        for part in page.html.split('href="')[1:]:
            path = part.partition('"')[0]
            site.answer("GET", path, "")
            answer = site.answer("GET", path, "")
            assert (answer.status == 200 and answer.manner is Manner.WHOLE) != (path in fails), path


def test_pages_that_fail(site: Site) -> None:
    assert site.answer("GET", TROUBLE.missing, "").status == 404
    assert site.answer("GET", TROUBLE.broken, "").status == 500
    assert site.answer("GET", TROUBLE.slow, "").manner is Manner.NEVER
    assert site.answer("GET", TROUBLE.truncated, "").manner is Manner.BROKEN_OFF
    assert [site.answer("GET", TROUBLE.flaky, "").status for _ in range(3)] == [503, 200, 200]
    assert TROUBLE.flaky_facts["depth"] in text(site, TROUBLE.flaky)


def test_the_redirects_go_in_a_circle(site: Site) -> None:
    path = TROUBLE.loop
    seen = []
    for _ in range(4):
        location = site.answer("GET", path, "").location
        assert location is not None
        seen.append(path := location)
    assert seen == [f"{TROUBLE.loop}/next", TROUBLE.loop] * 2


def test_what_a_failing_page_told_is_elsewhere(site: Site) -> None:
    assert TROUBLE.moved_facts["fee"] in text(site, TROUBLE.moved)
    assert TROUBLE.complete_facts["winner"] in text(site, TROUBLE.complete)


def test_the_correction_names_the_later_date(site: Site) -> None:
    notice = FACTS.notice
    assert f"{notice.stale_value} seats" in text(site, notice.stale_path)
    correction = text(site, notice.correction_path)
    assert f"{notice.right_value} seats" in correction
    assert notice.stale_value not in correction


def test_planted_instructions_stand_among_reviews(site: Site) -> None:
    told = text(site, FACTS.planted.path)
    assert FACTS.planted.instructions in told
    assert f"{FACTS.planted.rating} of 5" in told


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("museum ticket price", TROUBLE.moved),
        ("chess final winner report", TROUBLE.complete),
        ("weather Vienna", "/weather/vienna"),
        ("Wetter in Wien", "/de/wetter/wien"),
        (f"correction seats {FACTS.notice.subject}", FACTS.notice.correction_path),
        ("tunnel delayed reason", "/features/tunnel-delayed"),
        ("train departures", TRAINS_PATH),
        ("staff directory", STAFF_PATH),
    ],
)
def test_the_search_finds(query: str, path: str) -> None:
    found = [hit.path for hit in search(pages(FACTS).values(), query)]
    assert path in found[:3]
    assert len(found) <= 6


def test_the_search_finds_no_page_that_fails() -> None:
    fails = {TROUBLE.missing, TROUBLE.broken, TROUBLE.slow, TROUBLE.truncated, TROUBLE.flaky}
    for query in ("chess final", "harbour depth", "annual quarterly report", "museum prices"):
        assert fails.isdisjoint(hit.path for hit in search(pages(FACTS).values(), query))


def test_the_search_page(site: Site) -> None:
    assert "(/weather/oslo)" in text(site, "/search?q=weather+oslo")
    assert "Nothing was found." in text(site, "/search?q=xyzzy")
    assert "Nothing" not in text(site, "/search")
    assert "<script>" not in site.answer("GET", "/search?q=%3Cscript%3E", "").html


def test_a_form_that_is_right(site: Site) -> None:
    answer = site.answer("POST", "/register", SENT)
    assert answer.status == 303
    assert answer.location is not None
    confirmed = text(site, answer.location)
    assert answer.location.partition("code=")[2] in confirmed
    fields = {"name": "Ada Lund", "email": "ada@lund.test", "course": "Pottery", "seats": "2"}
    assert site.forms == [FormPost("/register", fields, accepted=True)]


def test_a_code_that_was_not_given_is_not_confirmed(site: Site) -> None:
    assert site.answer("GET", "/register/confirmed?code=ABCDEF01", "").status == 404


@pytest.mark.parametrize(
    ("sent", "wrong"),
    [
        (SENT.replace("Pottery", "Sailing"), "course: one of"),
        (SENT.replace("%40", ""), "email: not an e-mail address"),
        (SENT.replace("Ada+Lund", "++"), "name: required"),
        (SENT + "&colour=red", "colour: no such field"),
        ("", "seats: required"),
    ],
)
def test_a_form_that_is_wrong(site: Site, sent: str, wrong: str) -> None:
    answer = site.answer("POST", "/register", sent)
    assert answer.status == 422
    assert wrong in answer.html
    assert [form.accepted for form in site.forms] == [False]


def test_the_newsletter(site: Site) -> None:
    assert site.answer("POST", "/newsletter", "email=a@b.test&edition=de&consent=yes").status == 303
    assert site.answer("POST", "/newsletter", "email=a@b.test&edition=de").status == 422


def test_what_is_no_form_takes_no_post(site: Site) -> None:
    assert site.answer("POST", "/weather", "").status == 405
    assert site.answer("POST", "/register", "&".join(f"a{n}=1" for n in range(99))).status == 400
