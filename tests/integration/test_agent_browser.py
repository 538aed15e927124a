"""The browser tools on the real Chromium: what they do, where they must not lead, and its end."""

import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.agent_world import HARNESS, elsewhere, opened_browser, refused
from workers.agent.tools.browser import BrowserGoneError, BrowserHost
from workers.agent.tools.web import web_fetch
from workers.agent.world.facts import ORIGIN, confirmation_code
from workers.agent.world.live import LiveWorld
from workers.agent.world.making import facts
from workers.agent.world.site import Answer, Site
from workers.agent.world.world import World

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def browser() -> Iterator[BrowserHost]:
    host = opened_browser()
    ours = chromiums(os.getpid())
    assert ours
    yield host
    host.close()
    assert psutil.wait_procs(ours, timeout=10)[1] == []


def chromiums(pid: int) -> list[psutil.Process]:
    """All processes of the browser below a process."""
    below = psutil.Process(pid).children(recursive=True)
    alive = [each for each in below if each.status() != psutil.STATUS_ZOMBIE]
    return [each for each in alive if "chrom" in each.name() or "bwrap" in each.name()]


@pytest.fixture
def world(tmp_path: Path, browser: BrowserHost) -> Iterator[World]:
    with World(tmp_path, facts(5)) as made:
        yield made
        browser.release(made)


def number_of(browser: BrowserHost, world: World, element: str) -> int:
    """The number that the snapshot gives an element."""
    for line in browser.snapshot(world).splitlines():
        if element in line and line.startswith("["):
            return int(line[1 : line.index("]")])
    raise AssertionError(element)


def test_navigate_and_snapshot(world: World, browser: BrowserHost) -> None:
    assert browser.navigate(world, "/weather/oslo").startswith("opened: Weather in Oslo")
    shown = browser.snapshot(world)
    assert f"Address: {ORIGIN}/weather/oslo" in shown
    assert f"Now: {world.facts.cities['Oslo'].temperature_c} degrees" in shown
    assert '[2] link "Weather" -> /weather' in shown
    assert [(each.path, each.by) for each in world.state().requests] == [
        ("/weather/oslo", "browser")
    ]


def test_a_link_is_clicked_by_its_number(world: World, browser: BrowserHost) -> None:
    browser.navigate(world, "/")
    story = world.facts.headlines[2]
    said = browser.click(world, number_of(browser, world, story.title))
    assert said == f"opened: {story.title} - Meridian ({ORIGIN}{story.path})"
    assert browser.navigate(world, "/de").startswith("opened: Nachrichten")


def test_numbers_are_those_of_the_page_that_is_open(world: World, browser: BrowserHost) -> None:
    with refused("no page is open"):
        browser.snapshot(world)
    with refused("no page is open"):
        browser.click(world, 1)
    browser.navigate(world, "/")
    with refused("snapshot first"):
        browser.click(world, 1)
    number = number_of(browser, world, "Weather")
    browser.click(world, number)
    with refused("snapshot first"):
        browser.click(world, number)
    browser.snapshot(world)
    with refused("no element"):
        browser.click(world, 999)


def test_a_form_is_filled_and_sent(world: World, browser: BrowserHost) -> None:
    browser.navigate(world, "/register")
    for field, text in (("Name", "Ada Lund"), ("E-mail", "ada@lund.test"), ("Course", "Pottery")):
        browser.type(world, number_of(browser, world, f'"{field}"'), text, submit=False)
    said = browser.click(world, number_of(browser, world, 'button "Send"'))
    assert "not accepted" in said
    assert "seats: required" in browser.snapshot(world)
    fields = {"name": "Ada Lund", "email": "ada@lund.test", "course": "Pottery", "seats": "3"}
    for field, text in (("Name", "Ada Lund"), ("E-mail", "ada@lund.test"), ("Course", "Pottery")):
        browser.type(world, number_of(browser, world, f'"{field}"'), text, submit=False)
    browser.type(world, number_of(browser, world, '"Seats"'), "3", submit=False)
    assert "confirmed" in browser.click(world, number_of(browser, world, 'button "Send"'))
    code = confirmation_code(5, world.facts.register, fields)
    assert code in browser.snapshot(world)
    assert [form.accepted for form in world.state().forms] == [False, True]


def test_boxes_choices_and_fields_are_told_apart(world: World, browser: BrowserHost) -> None:
    browser.navigate(world, "/newsletter")
    box = number_of(browser, world, "checkbox")
    with refused("click it"):
        browser.type(world, box, "yes", submit=False)
    with refused("has no option 'fr': choose, en, de"):
        browser.type(world, number_of(browser, world, '"Edition"'), "fr", submit=False)
    browser.type(world, number_of(browser, world, '"Edition"'), "de", submit=False)
    assert browser.click(world, number_of(browser, world, "checkbox")).startswith("clicked")
    assert "(on)" in browser.snapshot(world)
    mail = number_of(browser, world, '"E-mail"')
    assert "confirmed" in browser.type(world, mail, "a@b.test", submit=True)
    assert world.state().forms[0].accepted


def test_the_search_by_its_form(world: World, browser: BrowserHost) -> None:
    browser.navigate(world, "/search")
    field = number_of(browser, world, 'text field "Search"')
    browser.type(world, field, "museum ticket price", submit=True)
    assert world.facts.trouble.moved in browser.snapshot(world)


def test_a_screenshot_is_the_file_that_it_says(world: World, browser: BrowserHost) -> None:
    with refused("no page is open"):
        browser.screenshot(world, "a.png")
    browser.navigate(world, "/weather/oslo")
    with refused(r"must end in \.png"):
        browser.screenshot(world, "a.txt")
    with refused("out of the directory"):
        browser.screenshot(world, "../a.png")
    assert world.state().screenshots == ()
    assert "written" in browser.screenshot(world, "shots/oslo.png")
    state = world.state()
    (shot,) = state.screenshots
    png = state.files["shots/oslo.png"]
    assert png.startswith(b"\x89PNG")
    assert (shot.path, shot.url) == ("shots/oslo.png", f"{ORIGIN}/weather/oslo")
    assert shot.sha256 == hashlib.sha256(png).hexdigest()


def test_pages_that_fail_say_how(world: World, browser: BrowserHost) -> None:
    trouble = world.facts.trouble
    for path, said in (
        (trouble.missing, "404 Not Found"),
        (trouble.broken, "500 Internal Server Error"),
        (trouble.flaky, "503 Service Unavailable"),
        (trouble.truncated, "broke off"),
        (trouble.loop, "circle"),
        (trouble.slow, "no answer within"),
    ):
        with refused(said):
            browser.navigate(world, path)
    assert "opened" in browser.navigate(world, trouble.flaky)
    assert trouble.flaky_facts["depth"] in browser.snapshot(world)
    browser.navigate(world, "/")
    with refused("404 Not Found"):
        browser.click(world, number_of(browser, world, "opening hours"))


def test_navigate_leads_nowhere_else(world: World, browser: BrowserHost) -> None:
    browser.navigate(world, "/")
    with elsewhere() as engine:
        for address in (
            f"http://127.0.0.1:{engine.port}/",
            f"http://localhost:{engine.port}/",
            f"http://meridian.test:{engine.port}/",
            f"http://meridian.test@127.0.0.1:{engine.port}/",
            "file:///etc/passwd",
            "chrome://version",
            "about:blank",
            "data:text/html,<h1>x</h1>",
            "javascript:document.title",
            "view-source:http://meridian.test/",
            "http://example.com/",
            "https://meridian.test/",
        ):
            with refused(f"only {ORIGIN}"):
                browser.navigate(world, address)
        assert engine.reached == []
    assert "News of" in browser.snapshot(world)


PAGE_THAT_TRIES = """<html><body><p>tries</p><script>
const at = '127.0.0.1:%(port)d', tried = [];
const note = (what) => (event) => { tried.push(what); };
fetch('http://' + at + '/fetch', {mode: 'no-cors'}).then(note('fetch')).catch(() => 0);
const socket = new WebSocket('ws://' + at + '/socket'); socket.onopen = note('socket');
navigator.sendBeacon && navigator.sendBeacon('http://' + at + '/beacon');
const frame = document.createElement('iframe'); frame.src = 'http://' + at + '/frame';
document.body.append(frame);
const file = document.createElement('iframe'); file.src = 'file:///etc/passwd';
document.body.append(file);
try { window.open('http://' + at + '/window'); } catch (error) { }
new RTCPeerConnection({iceServers: [{urls: 'stun:' + at}]}).createDataChannel('x');
</script>
<img src="http://127.0.0.1:%(port)d/img"><img src="http://localhost:%(port)d/name">
<link rel="stylesheet" href="http://[::1]:%(port)d/css"><link rel="prefetch" href="http://127.0.0.1:%(port)d/prefetch">
<script src="http://0.0.0.0:%(port)d/script"></script>
<a href="http://127.0.0.1:%(port)d/link">away</a> <a href="/away">redirected</a>
</body></html>"""


def test_a_page_leads_nowhere_else(
    world: World, browser: BrowserHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Subresources, scripts, websockets, frames, windows, links and redirects of a page."""
    with elsewhere() as engine:
        away = Answer(302, location=f"http://127.0.0.1:{engine.port}/redirect")
        page = Answer(200, PAGE_THAT_TRIES % {"port": engine.port})
        monkeypatch.setattr(
            Site, "answer", lambda _site, _method, path, _body: away if path == "/away" else page
        )
        browser.navigate(world, "/")
        with refused():
            browser.click(world, number_of(browser, world, "away"))
        browser.navigate(world, "/")
        with refused():
            browser.click(world, number_of(browser, world, "redirected"))
        with refused():
            browser.navigate(world, "/away")
        browser.navigate(world, "/")
        assert "tries" in browser.snapshot(world)
        assert engine.reached == []


def test_the_sites_own_proxy_would_hold_it_alone(
    world: World, browser: BrowserHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the tools' own check set aside, the second barrier: the proxy that knows one host."""
    monkeypatch.setattr(World, "refusal", lambda *_: None)
    with elsewhere() as engine:
        for address in (
            f"http://127.0.0.1:{engine.port}/",
            f"http://localhost:{engine.port}/",
            f"https://127.0.0.1:{engine.port}/",
        ):
            with refused():
                browser.navigate(world, address)
        page = Answer(200, PAGE_THAT_TRIES % {"port": engine.port})
        monkeypatch.setattr(Site, "answer", lambda *_: page)
        browser.navigate(world, "/")
        browser.snapshot(world)
        assert engine.reached == []
        with refused():
            browser.navigate(world, "file:///etc/shadow")
        with refused():
            browser.navigate(world, f"file://{world.files}")


def test_worlds_share_no_cookies_and_no_page(
    world: World, browser: BrowserHost, tmp_path: Path
) -> None:
    with World(tmp_path / "other", facts(6)) as other:
        browser.navigate(world, "/weather/oslo")
        browser.navigate(other, "/de")
        assert "Weather in Oslo" in browser.snapshot(world)
        assert "Nachrichten" in browser.snapshot(other)
        assert [len(each.state().requests) for each in (world, other)] == [1, 1]
        browser.release(other)
        assert "Weather in Oslo" in browser.snapshot(world)


def test_browser_and_fetch_are_told_apart(world: World, browser: BrowserHost) -> None:
    browser.navigate(world, "/weather")
    web_fetch(world, "/weather")
    assert [each.by for each in world.state().requests] == ["browser", "fetch"]


def test_chromium_runs_as_nobody_and_in_its_own_sandbox(browser: BrowserHost) -> None:
    ours = chromiums(os.getpid())
    lines = [" ".join(each.cmdline()) for each in ours]
    assert any("--type=zygote" in line for line in lines)
    assert not any("--no-sandbox" in line for line in lines)
    assert all(0 not in each.uids() for each in ours)
    assert browser.version.split(".")[0].isdigit()


def test_the_live_web_has_the_same_browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of this host stands for the web: the check of addresses is set aside for it."""
    live, browser = LiveWorld(tmp_path, None), opened_browser(live=True)
    with elsewhere() as page, contextlib.closing(browser):
        with refused("not on the public web"):
            browser.navigate(live, f"http://127.0.0.1:{page.port}/")
        assert page.reached == []
        monkeypatch.setattr(LiveWorld, "refusal", lambda *_: None)
        assert "opened: engine" in browser.navigate(live, f"http://127.0.0.1:{page.port}/")
        browser.release(live)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_browser_dies_with_its_process(
    tmp_path: Path, browser: BrowserHost, number: signal.Signals
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(HARNESS), str(tmp_path)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        everything = psutil.Process(process.pid).children(recursive=True)
        assert any("chrom" in each.name() for each in everything)
        process.send_signal(number)
        process.wait()
    assert psutil.wait_procs(everything, timeout=10)[1] == []


def test_a_browser_that_has_ended_is_an_error_of_the_harness(tmp_path: Path) -> None:
    """Not of the model: no tool error."""
    host = opened_browser()
    before = {each.pid for each in chromiums(os.getpid())}
    try:
        with World(tmp_path, facts(1)) as world:
            host.navigate(world, "/")
            mains = [
                each
                for each in chromiums(os.getpid())
                if "bwrap" in each.name() and each.pid in before
            ]
            newest = max(mains, key=psutil.Process.create_time)
            newest.kill()
            newest.wait(10)
            with pytest.raises(BrowserGoneError):
                host.navigate(world, "/")
            host.release(world)
    finally:
        host.close()
