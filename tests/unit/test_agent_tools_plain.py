"""Addresses and paths as models write them, and the text of a page."""

import os
import socket
import threading
from pathlib import Path

import pytest

from workers.agent.sandbox import bubblewrap, calls
from workers.agent.sandbox.guest.collect import is_test_file, names_in
from workers.agent.sandbox.guest.wire import frame, read_frame
from workers.agent.tools.addresses import absolute
from workers.agent.tools.reading import text_of
from workers.agent.world import directory
from workers.agent.world.directory import Directory
from workers.agent.world.errors import ToolRefusedError
from workers.agent.world.facts import ORIGIN
from workers.agent.world.live import LiveWorld
from workers.agent.world.making import facts
from workers.agent.world.world import World


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("/weather/vienna", f"{ORIGIN}/weather/vienna"),
        ("weather/vienna", f"{ORIGIN}/weather/vienna"),
        (" meridian.test/weather ", f"{ORIGIN}/weather"),
        ("<http://meridian.test/a#part>", f"{ORIGIN}/a"),
        ("//127.0.0.1/x", "//127.0.0.1/x"),
        ("127.0.0.1/x", "http://127.0.0.1/x"),
        ("file:///etc/passwd", "file:///etc/passwd"),
        ("javascript:alert(1)", "javascript:alert(1)"),
    ],
)
def test_addresses(said: str, meant: str) -> None:
    assert absolute(said, ORIGIN) == meant


def test_addresses_start_from_the_open_page() -> None:
    assert absolute("?q=1", ORIGIN, f"{ORIGIN}/search") == f"{ORIGIN}/search?q=1"
    assert absolute("./b", ORIGIN, f"{ORIGIN}/x/a") == f"{ORIGIN}/x/b"


def test_addresses_of_the_live_web() -> None:
    assert absolute("example.com/a", None) == "https://example.com/a"
    with pytest.raises(ToolRefusedError, match="whole address"):
        absolute("/a", None)


@pytest.mark.parametrize("said", ["", "  ", "a b", "x" * 3000, "http://a\x00b"])
def test_what_is_no_address(said: str) -> None:
    with pytest.raises(ToolRefusedError, match="no address"):
        absolute(said, ORIGIN)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "chrome://version",
        "data:text/html,hi",
        "javascript:alert(1)",
        "view-source:http://meridian.test/",
        "https://meridian.test/",
        "http://meridian.test:81/",
        "http://127.0.0.1:8080/",
        "http://localhost/",
        "http://[::1]/",
        "http://meridian.test@127.0.0.1/",
        "http://meridian.test.example.com/",
        "//meridian.test/",
        "ws://meridian.test/",
    ],
)
def test_the_sealed_world_refuses(tmp_path: Path, url: str) -> None:
    assert World(tmp_path, facts(1)).refusal(url) == f"only {ORIGIN} can be reached"


def test_the_sealed_world_lets_its_own_pages_pass(tmp_path: Path) -> None:
    assert World(tmp_path, facts(1)).refusal("http://meridian.test:80/x") is None
    assert World(tmp_path, facts(1)).refusal("http://Meridian.TEST/x") is None


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8080/",
        "http://localhost/",
        "http://10.0.0.1/",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]/",
        "http://2130706433/",
        "file:///etc/passwd",
        "http://0.0.0.0/",
    ],
)
def test_the_live_web_is_not_this_host(tmp_path: Path, url: str) -> None:
    assert LiveWorld(tmp_path, None).refusal(url) is not None


def test_the_live_web_is_the_public_one(tmp_path: Path) -> None:
    assert LiveWorld(tmp_path, None).refusal("https://1.1.1.1/") is None


def test_text_of_a_page() -> None:
    html = """<html><head><title>no</title><style>p{}</style></head><body><h1>Head</h1>
    <p>One <b>bold</b>
    line &amp; <a href="/x">a link</a>.</p><script>no()</script>
    <ul><li>item</li></ul><table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2</td></tr></table>"""
    assert text_of(html).splitlines() == [
        "# Head",
        "One bold line & a link (/x).",
        "- item",
        "A | B",
        "1 | 2",
    ]


@pytest.fixture
def files(tmp_path: Path) -> Directory:
    return Directory(tmp_path / "files")


def test_files_are_written_and_read(files: Directory) -> None:
    files.write("a/b.txt", b"one")
    files.write("./a//b.txt", b"2")
    assert files.read("a/b.txt") == b"2"
    assert files.sizes() == [("a/b.txt", 1)]
    files.remove("a/b.txt")
    assert files.contents() == ({}, ())


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "../outside.txt",
        "a/../../outside.txt",
        "",
        ".",
        "a\x00b",
        "a\nb",
        "x" * 200,
        "/".join("abcdefghijk"),
    ],
)
def test_paths_that_are_refused(files: Directory, tmp_path: Path, path: str) -> None:
    (tmp_path / "outside.txt").write_text("secret")
    with pytest.raises(ToolRefusedError):
        files.read(path)
    with pytest.raises(ToolRefusedError):
        files.write(path, b"x")
    assert (tmp_path / "outside.txt").read_text() == "secret"


def test_no_link_is_followed(files: Directory, tmp_path: Path) -> None:
    """Whoever put it there: as the last part, as a folder, or dangling."""
    root, outside = tmp_path / "files", tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.txt").write_text("secret")
    (root / "link.txt").symlink_to(outside / "secret.txt")
    (root / "folder").symlink_to(outside)
    (root / "dangling").symlink_to(outside / "new.txt")
    for path in ("link.txt", "folder/secret.txt", "dangling"):
        with pytest.raises(ToolRefusedError):
            files.read(path)
        with pytest.raises(ToolRefusedError):
            files.write(path, b"x")
    assert files.contents() == ({}, ("dangling", "folder", "link.txt"))
    assert sorted(path.name for path in outside.iterdir()) == ["secret.txt"]
    assert (outside / "secret.txt").read_text() == "secret"


def test_what_is_no_file(files: Directory, tmp_path: Path) -> None:
    """A pipe would block for ever, a socket and a folder are none."""
    os.mkfifo(tmp_path / "files" / "pipe")
    (tmp_path / "files" / "folder").mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "files" / "sock"))
        for path in ("pipe", "folder", "sock", "nothing"):
            with pytest.raises(ToolRefusedError):
                files.read(path)
        assert files.contents() == ({}, ())


def test_a_file_in_the_place_of_a_folder(files: Directory) -> None:
    files.write("a", b"")
    with pytest.raises(ToolRefusedError):
        files.write("a/b", b"")


def test_files_that_are_too_much(files: Directory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "FILE_BYTES_MAX", 10)
    monkeypatch.setattr(directory, "ALL_BYTES_MAX", 25)
    monkeypatch.setattr(directory, "FILES_MAX", 3)
    with pytest.raises(ToolRefusedError, match="too large"):
        files.write("a", bytes(11))
    files.write("a", bytes(10))
    files.write("b", bytes(10))
    with pytest.raises(ToolRefusedError, match="too large"):
        files.write("c", bytes(6))
    files.write("a", bytes(9))
    files.write("c", b"")
    with pytest.raises(ToolRefusedError, match="no more fit"):
        files.write("d", b"")


def test_a_larger_file_than_allowed_is_cut_in_the_state(files: Directory, tmp_path: Path) -> None:
    with (tmp_path / "files" / "huge").open("wb") as out:
        out.truncate(2**40)
    assert {path: len(content) for path, content in files.contents()[0].items()} == {
        "huge": directory.FILE_BYTES_MAX
    }
    with pytest.raises(ToolRefusedError, match="too large"):
        files.read("huge")


def test_deliveries(tmp_path: Path) -> None:
    world = World(tmp_path, facts(1))
    world.put({"a.txt": b"content"})
    world.deliver(" Ada ", None, "a.txt")
    world.deliver("Ada", "hello", None)
    first, second = world.state().deliveries
    assert (first.to, first.text, first.file_name, first.file_bytes) == (
        *("Ada", None, "a.txt", b"content"),
    )
    assert (second.text, second.file_name, second.at) == ("hello", None, world.facts.now)
    for to, text, file in (
        ("Ada", None, "missing.png"),
        ("Ada", None, None),
        ("Ada", "both", "a.txt"),
        (" ", "text", None),
        ("Ada", None, "/etc/passwd"),
    ):
        with pytest.raises(ToolRefusedError):
            world.deliver(to, text, file)
    assert len(world.state().deliveries) == 2


def test_tests_are_told_by_their_source() -> None:
    source = b"""
def test_a(): pass
async def test_b(): pass
def helper(): pass
class TestC:
    def test_d(self): pass
    def test_d(self): pass
class E(unittest.TestCase):
    def test_f(self): pass
    def g(self): pass
class NoTests:
    def test_h(self): pass
"""
    assert names_in(source) == ["test_a", "test_b", "TestC.test_d", "E.test_f"]
    assert [is_test_file(name) for name in ("test_a.py", "x/a_test.py", "a.py", "test.txt")] == [
        *(True, True, False, False),
    ]


def test_frames_go_through_a_socket() -> None:
    left, right = socket.socketpair()
    with left, right:
        data = frame({"a": 1}, [b"", bytes(10**6)])
        thread = threading.Thread(target=left.sendall, args=(data,))
        thread.start()
        stream = right.makefile("rb")
        assert read_frame(lambda size: stream.read(size), 2**20) == ({"a": 1}, [b"", bytes(10**6)])
        thread.join()
        stream.close()


@pytest.mark.parametrize(
    "data",
    [
        b"\xff" * 8,
        frame({}, [bytes(100)]),
        b"\0" * 7 + b"\2[]",
        frame({}, []).replace(b"[]", b"[-1]").replace(b"\x0d", b"\x0f", 1),
    ],
)
def test_frames_that_are_none(data: bytes) -> None:
    rest = bytearray(data)

    def read(size: int) -> bytes:
        taken = bytes(rest[:size])
        del rest[:size]
        return taken

    with pytest.raises((ValueError, EOFError)):
        read_frame(read, 10)


def test_the_filter_of_calls_is_a_program() -> None:
    """It jumps nowhere but to its own lines, and both machines refuse as much."""
    programs = [calls.call_filter(machine) for machine in sorted(calls.machines())]
    assert len({len(program) for program in programs}) == 1
    for program in programs:
        lines = [program[at : at + 8] for at in range(0, len(program), 8)]
        assert all(at + line[2] < len(lines) for at, line in enumerate(lines))
        assert max(at + line[2] for at, line in enumerate(lines)) == len(lines) - 1


def test_nothing_of_the_host_but_its_programs_is_bound() -> None:
    line = bubblewrap.arguments(
        system_binds=bubblewrap.system({"/lib": "usr/lib"}),
        prefix=None,
        guest={"/guest/a.py": 5},
        filter_fd=6,
        disk_bytes=1000,
    )
    binds = [
        line[at + 1] for at, part in enumerate(line) if part.startswith(("--ro-bind", "--bind"))
    ]
    assert binds == ["/usr", "5"]
    assert {"--unshare-all", "--die-with-parent", "--clearenv", "--disable-userns"} <= set(line)
    assert "--share-net" not in line
