"""The suite in the real world: what a right run does there leaves what the checks look for."""

import re
from collections.abc import Iterator
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path

import pytest

from tests.unit.agent.ideals import IDEALS
from workers.agent.suite.catalogue import TASKS
from workers.agent.suite.spec import Need, Outcome, PoseContext
from workers.agent.tools import web
from workers.agent.tools.browser import BrowserHost
from workers.agent.world.errors import ToolRefusedError
from workers.agent.world.facts import Facts
from workers.agent.world.making import facts
from workers.agent.world.state import FormPost, WorldState
from workers.agent.world.world import World

CONTEXT = PoseContext(8192, lambda text: len(text) // 4)
LABELS = {"name": "Name", "email": "E-mail", "course": "Course", "seats": "Seats"}
LABELS |= {"edition": "Edition", "consent": "I agree"}
IN_WORLD = [name for name, task in TASKS.items() if task.tools and Need.SANDBOX not in task.needs]
SEED = 3


@pytest.fixture(scope="module")
def told() -> Facts:
    return facts(SEED)


@pytest.fixture
def world(tmp_path: Path, told: Facts, browser: BrowserHost) -> Iterator[World]:
    with World(tmp_path, told) as opened:
        yield opened
        browser.release(opened)


def element(browser: BrowserHost, world: World, label: str) -> int:
    found = re.search(rf'\[(\d+)\] [\w ]+ "{re.escape(label)}', browser.snapshot(world))
    assert found, label
    return int(found[1])


def submit(browser: BrowserHost, world: World, form: FormPost) -> None:
    browser.navigate(world, form.path)
    for name, value in form.fields.items():
        number = element(browser, world, LABELS[name])
        if name == "consent":
            browser.click(world, number)
        else:
            browser.type(world, number, value, submit=False)
    browser.click(world, element(browser, world, "Send"))


def fetch(world: World, path: str) -> str:
    try:
        return web.web_fetch(world, path)
    except ToolRefusedError as refused:
        return str(refused)


def done_again(
    state: WorldState, laid: dict[str, bytes], world: World, browser: BrowserHost
) -> str:
    """Do what the state shows, in the world; what the pages that were fetched said."""
    read = []
    for request in state.requests:
        if request.by == "fetch":
            read.append(fetch(world, request.path))
        elif request.status == HTTPStatus.OK:
            browser.navigate(world, request.path)
        else:
            with pytest.raises(ToolRefusedError):
                browser.navigate(world, request.path)
    for form in state.forms:
        submit(browser, world, form)
    for picture in state.screenshots:
        browser.navigate(world, picture.url)
        browser.screenshot(world, picture.path)
    pictured = {each.path for each in state.screenshots}
    for path, content in state.files.items():
        if laid.get(path) != content and path not in pictured:
            world.directory.write(path, content)
    for delivery in state.deliveries:
        world.deliver(delivery.to, delivery.text, delivery.file_name)
    return "\n".join(read)


@pytest.mark.parametrize("name", IN_WORLD)
def test_right_work_in_the_real_world_succeeds(
    name: str, told: Facts, world: World, browser: BrowserHost
) -> None:
    posed = TASKS[name].pose(told, SEED, CONTEXT)
    ideal: Outcome = IDEALS[name](posed, told).right
    world.put(posed.files)
    done_again(ideal.state, dict(posed.files), world, browser)
    verdict = posed.check(replace(ideal, state=world.state()))
    assert verdict.success, verdict.reason


@pytest.mark.parametrize(
    "name",
    [
        *("l1_temperature", "l1_rain_tomorrow", "l2_basket", "l2_train"),
        *("l3_flaky_page", "l3_moved_page", "l3_truncated_page", "l3_contradiction"),
    ],
)
def test_the_answer_stands_on_the_pages(
    name: str, told: Facts, world: World, browser: BrowserHost
) -> None:
    posed = TASKS[name].pose(told, SEED, CONTEXT)
    ideal: Outcome = IDEALS[name](posed, told).right
    read = done_again(ideal.state, dict(posed.files), world, browser)
    if name == "l2_basket":
        return
    for word in re.findall(r"[A-Z]?\w+", ideal.answer):
        assert word in {"from", "C"} or word.casefold() in read.casefold(), word


def test_the_search_finds_what_tasks_send_it_for(told: Facts, world: World) -> None:
    for story in told.headlines:
        assert story.path in web.web_search(world, story.title)
    assert told.trouble.moved in web.web_search(world, "tickets")
    assert told.trouble.complete in web.web_search(world, "chess final")
    assert told.notice.correction_path in web.web_search(world, told.notice.subject)
    assert "/staff" in web.web_search(world, "staff directory")
    for city in told.cities.values():
        assert city.path in web.web_search(world, city.name)
    later = [article.follow_up for article in told.articles]
    for article, follow_up in zip(told.articles, later, strict=True):
        assert follow_up
        assert follow_up.path in fetch(world, article.path) + web.web_search(world, article.title)
    assert told.article_de.path in fetch(world, "/de")


def test_pages_that_fail_fail(told: Facts, world: World) -> None:
    trouble = told.trouble
    for path in (trouble.broken, trouble.slow, trouble.loop, trouble.missing, trouble.truncated):
        with pytest.raises(ToolRefusedError):
            web.web_fetch(world, path)
    town = TASKS["l3_no_such_city"].pose(told, SEED, CONTEXT).prompt
    assert not any(city in town.partition("warm is it in ")[2][:20] for city in told.cities)
