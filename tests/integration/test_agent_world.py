"""The sealed world on its port: what it serves, records and refuses."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.agent_world import elsewhere, refused
from workers.agent.tools import web
from workers.agent.tools.web import web_fetch, web_search
from workers.agent.world.facts import ORIGIN
from workers.agent.world.live import LiveWorld
from workers.agent.world.making import facts
from workers.agent.world.site import Answer, Site
from workers.agent.world.state import Request
from workers.agent.world.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path, facts(5)) as opened:
        yield opened


def test_pages_are_fetched(world: World) -> None:
    city = world.facts.cities["Vienna"]
    for address in ("/weather/vienna", "meridian.test/weather/vienna", f"{ORIGIN}/weather/vienna"):
        assert f"Now: {city.temperature_c} degrees" in web_fetch(world, address)


def test_requests_are_recorded(world: World) -> None:
    web_fetch(world, "/weather")
    with refused("404"):
        web_fetch(world, "/nothing")
    with httpx.Client(proxy=world.proxy, trust_env=False) as client:
        client.get(f"{ORIGIN}/search?q=tunnel", headers={"User-Agent": "Mozilla/5.0"})
    assert world.state().requests == (
        Request("GET", "/weather", 200, "fetch"),
        Request("GET", "/nothing", 404, "fetch"),
        Request("GET", "/search?q=tunnel", 200, "browser"),
    )


def test_two_worlds_of_a_seed_answer_alike_and_record_apart(world: World, tmp_path: Path) -> None:
    with World(tmp_path / "other", facts(5)) as other:
        assert web_fetch(world, "/") == web_fetch(other, "/")
        web_fetch(other, "/de")
        assert [len(each.state().requests) for each in (world, other)] == [1, 2]
        assert world.proxy != other.proxy


def test_a_search(world: World) -> None:
    assert f"({world.facts.trouble.moved})" in web_search(world, "museum ticket price")
    with refused("what to search"):
        web_search(world, " ")


def test_pages_that_fail_say_how(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    trouble = world.facts.trouble
    with refused("404 Not Found"):
        web_fetch(world, trouble.missing)
    with refused("500 Internal"):
        web_fetch(world, trouble.broken)
    with refused("503 Service"):
        web_fetch(world, trouble.flaky)
    assert trouble.flaky_facts["depth"] in web_fetch(world, trouble.flaky)
    with refused("broke off"):
        web_fetch(world, trouble.truncated)
    with refused("circle"):
        web_fetch(world, trouble.loop)
    monkeypatch.setattr(web, "FETCH_S", 0.3)
    with refused("no answer within"):
        web_fetch(world, trouble.slow)


def test_a_page_that_comes_by_drops_is_given_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit is one of the whole page, not of each read."""
    monkeypatch.setattr(web, "FETCH_S", 0.5)
    stop = threading.Event()

    def drip(listening: socket.socket) -> None:
        client, _ = listening.accept()
        client.recv(4096)
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
        while not stop.wait(0.05):
            try:
                client.sendall(b"x")
            except OSError:
                break
        client.close()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=drip, args=(listening,))
        thread.start()
        monkeypatch.setattr(
            World, "proxy", property(lambda _: f"http://127.0.0.1:{listening.getsockname()[1]}")
        )
        try:
            with refused("no answer within"):
                web_fetch(world, "/weather")
        finally:
            stop.set()
            thread.join()


def test_a_long_page_is_cut(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "TEXT_MAX", 300)
    text = web_fetch(world, "/features/tunnel")
    assert "[cut: 300 of" in text
    assert len(text) < 350


def test_fetch_leads_nowhere_else(world: World) -> None:
    with elsewhere() as engine:
        here = f"127.0.0.1:{engine.port}"
        for address in (
            f"http://{here}/v1/models",
            here,
            f"//{here}/",
            f"http://localhost:{engine.port}/",
            f"http://meridian.test:{engine.port}/",
            f"http://meridian.test@{here}/",
            "file:///etc/passwd",
            world.proxy,
        ):
            with refused(f"only {ORIGIN}"):
                web_fetch(world, address)
        assert engine.reached == []


def test_a_redirect_leads_nowhere_else(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with elsewhere() as engine:
        away = Answer(302, location=f"http://127.0.0.1:{engine.port}/")
        monkeypatch.setattr(Site, "answer", lambda *_: away)
        with refused(f"only {ORIGIN}"):
            web_fetch(world, "/weather")
        assert engine.reached == []


def test_the_proxy_knows_one_host_only(world: World) -> None:
    """Whoever asks the port itself: other hosts, tunnels, the port's own address."""
    with elsewhere() as engine, httpx.Client(proxy=world.proxy, trust_env=False) as client:
        assert client.get(f"http://127.0.0.1:{engine.port}/").status_code == 403
        assert client.get("http://example.com/").status_code == 403
        with pytest.raises(httpx.ProxyError):
            client.get("https://meridian.test/")
        assert httpx.get(world.proxy, trust_env=False).status_code == 403
        assert engine.reached == []
    assert world.state().requests == ()


def test_it_listens_on_loopback_only(world: World) -> None:
    port = int(world.proxy.rpartition(":")[2])
    listening = [
        line.split()[1].split(":")
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        for line in Path(table).read_text().splitlines()[1:]
        if line.split()[3] == "0A"
    ]
    assert [address for address, at in listening if int(at, 16) == port] == ["0100007F"]


def test_its_port_closes_with_it(tmp_path: Path) -> None:
    with World(tmp_path, facts(5)) as opened:
        port = int(opened.proxy.rpartition(":")[2])
        slow = threading.Thread(target=_ignore_errors, args=(opened,))
        slow.start()
    slow.join(5)
    assert not slow.is_alive(), "an answer on its way goes on after the end"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 1)


def _ignore_errors(world: World) -> None:
    with refused():
        web_fetch(world, world.facts.trouble.slow)


def test_a_form_is_recorded(world: World) -> None:
    form = {"name": "Ada", "email": "a@b.test", "course": "Pottery", "seats": "1"}
    with httpx.Client(proxy=world.proxy, trust_env=False, follow_redirects=True) as client:
        assert "confirmation code" in client.post(f"{ORIGIN}/register", data=form).text
    state = world.state()
    assert [(post.path, dict(post.fields), post.accepted) for post in state.forms] == [
        ("/register", form, True)
    ]
    assert [request.method for request in state.requests] == ["POST", "GET"]


def test_a_body_that_is_too_large_is_refused(world: World) -> None:
    with httpx.Client(proxy=world.proxy, trust_env=False) as client:
        answer = client.post(f"{ORIGIN}/register", content=bytes(100_000))
        assert answer.status_code == 413
    assert world.state().forms == ()


def test_the_live_web_has_the_same_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of this host stands for the web: the check of addresses is set aside for it."""
    with elsewhere() as page:
        live = LiveWorld(tmp_path, f"http://127.0.0.1:{page.port}/search?q={{query}}")
        with refused("not on the public web"):
            web_fetch(live, f"http://127.0.0.1:{page.port}/")
        with refused("not on the public web"):
            web_search(live, "weather")
        monkeypatch.setattr(LiveWorld, "refusal", lambda *_: None)
        assert web_fetch(live, f"http://127.0.0.1:{page.port}/a") == "engine"
        assert web_search(live, "weather in oslo") == "engine"
        assert page.reached == ["/a", "/search?q=weather%20in%20oslo"]
    with refused("no search engine"):
        web_search(LiveWorld(tmp_path, None), "weather")
