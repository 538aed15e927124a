"""The tools as Inspect calls them: schemas, results, and errors of one line."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from inspect_ai.tool import Tool, ToolDef, ToolError
from jsonschema import Draft202012Validator

from warehouse.errors import ConfigError
from workers.agent.sandbox.limits import Limits
from workers.agent.sandbox.sandbox import Sandbox
from workers.agent.tools import programs
from workers.agent.tools.bound import tools_for
from workers.agent.tools.browser import BrowserHost
from workers.agent.tools.names import BROWSER_TOOLS, SANDBOX_TOOLS, TOOL_NAMES
from workers.agent.world.making import facts
from workers.agent.world.state import TestRun
from workers.agent.world.world import World

PLAIN = [name for name in TOOL_NAMES if name not in BROWSER_TOOLS | SANDBOX_TOOLS]

Call = Callable[..., str]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path, facts(5)) as opened:
        yield opened


def caller(tools: list[Tool]) -> Call:
    """`call("read_file", path="a.txt")`."""
    by_name = {ToolDef(tool).name: tool for tool in tools}

    def call(name: str, **arguments: Any) -> str:
        async def made() -> Any:
            return await by_name[name](**arguments)

        return str(anyio.run(made))

    return call


@pytest.fixture
def call(world: World, sandbox: Sandbox) -> Call:
    return caller(tools_for(world, [*PLAIN, *SANDBOX_TOOLS], sandbox=sandbox, browser=None))


def test_every_tool_has_its_name_a_description_and_a_schema(
    world: World, sandbox: Sandbox, browser: BrowserHost
) -> None:
    tools = [
        ToolDef(tool) for tool in tools_for(world, TOOL_NAMES, sandbox=sandbox, browser=browser)
    ]
    assert [tool.name for tool in tools] == list(TOOL_NAMES)
    for tool in tools:
        assert len(tool.description) > 20, tool.name
        schema = tool.parameters.model_dump(exclude_none=True)
        Draft202012Validator.check_schema(schema)
        assert all(each.description for each in tool.parameters.properties.values()), tool.name
    required = {tool.name: tool.parameters.required for tool in tools}
    assert required["type"] == ["number", "text"]
    assert required["send"] == ["to"]
    assert required["snapshot"] == required["list_files"] == required["run_tests"] == []


def test_a_tool_that_lacks_what_it_needs_is_no_tool(world: World) -> None:
    for name, said in (("click", "browser"), ("run_tests", "sandbox"), ("fly", "no tool fly")):
        with pytest.raises(ConfigError, match=said):
            tools_for(world, [name], sandbox=None, browser=None)


def test_a_chain_of_calls(world: World, call: Call) -> None:
    """Search, fetch, write, list, read, send: the world's state says all of it."""
    assert "/weather/oslo" in call("web_search", query="weather Oslo")
    city = world.facts.cities["Oslo"]
    assert f"high {city.high_c}" in call("web_fetch", address="/weather/oslo")
    assert "2 bytes" in call("write_file", path="out/oslo.txt", content=str(city.high_c))
    assert call("list_files") == "out/oslo.txt (2 bytes)"
    assert call("read_file", path="out/oslo.txt") == str(city.high_c)
    assert "delivered to Ada" in call("send", to="Ada", file="out/oslo.txt")
    state = world.state()
    assert [(each.to, each.file_bytes) for each in state.deliveries] == [
        ("Ada", str(city.high_c).encode())
    ]
    assert [each.by for each in state.requests] == ["fetch", "fetch"]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("web_fetch", {"address": "/visit/prices"}),
        ("web_fetch", {"address": "file:///etc/passwd"}),
        ("web_search", {"query": ""}),
        ("read_file", {"path": "missing.txt"}),
        ("read_file", {"path": "/etc/passwd"}),
        ("read_file", {"path": "a\nb"}),
        ("write_file", {"path": "../a.txt", "content": "x"}),
        ("send", {"to": "Ada"}),
        ("send", {"to": "Ada", "file": "missing.png"}),
        ("run_tests", {}),
        ("run_tests", {"path": "missing.py"}),
    ],
)
def test_errors_are_one_line_for_the_model(
    world: World, call: Call, name: str, arguments: dict[str, str]
) -> None:
    with pytest.raises(ToolError) as raised:
        call(name, **arguments)
    assert raised.value.message
    assert len(raised.value.message.splitlines()) == 1
    assert world.state().deliveries == ()


def test_python_works_on_the_directory(world: World, call: Call) -> None:
    world.put({"in.txt": b"3", "gone.txt": b""})
    code = "import os\nprint(open('in.txt').read())\nopen('out.txt', 'w').write('9')\n"
    code += "os.remove('gone.txt')"
    assert call("run_python", code=code) == "3"
    assert world.state().files == {"in.txt": b"3", "out.txt": b"9"}
    assert call("run_python", code="x = 1") == "(no output)"


def test_a_program_that_fails_shows_how(call: Call) -> None:
    shown = call("run_python", code="print('before')\n1 / 0")
    assert shown.startswith("exit status 1\nbefore\nTraceback")
    assert "line 2" in shown
    assert "ZeroDivisionError" in shown


def test_a_limit_is_an_error(world: World, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    quick = Sandbox.run
    monkeypatch.setattr(
        Sandbox, "run", lambda self, argv, files: quick(self, argv, files, Limits(wall_s=1))
    )
    with pytest.raises(
        ToolError, match="limit on wall time; last line of its output: now"
    ) as raised:
        call("run_python", code="print('now', flush=True)\nwhile True: pass")
    assert len(raised.value.message.splitlines()) == 1
    assert world.state().files == {}


def test_output_is_cut_at_its_begin(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "OUTPUT_MAX", 20)
    assert call("run_python", code="print('x' * 90 + 'end')") == "[cut]\n" + "x" * 17 + "end"


def test_a_link_that_a_program_leaves_leads_nobody_out(world: World, call: Call) -> None:
    """Neither the tools nor the checker: it does not come back."""
    world.put({"report.txt": b"old"})
    code = "import os; os.remove('report.txt'); os.symlink('/etc/passwd', 'report.txt')"
    assert "[not kept: report.txt (a link)]" in call("run_python", code=code)
    for name, arguments in (
        ("read_file", {"path": "report.txt"}),
        ("send", {"to": "A", "file": "report.txt"}),
    ):
        with pytest.raises(ToolError, match="no such file"):
            call(name, **arguments)
    state = world.state()
    assert (state.files, state.links) == ({}, ())
    assert list(world.files.iterdir()) == []


def test_programs_do_not_reach_the_site_or_the_engine(world: World, call: Call) -> None:
    port = world.proxy.rpartition(":")[2]
    code = f"import socket\ntry: socket.create_connection(('127.0.0.1', {port}))\n"
    code += "except OSError: print('no')"
    assert call("run_python", code=code) == "no"
    assert world.state().requests == ()


def test_tests_are_run_and_recorded(world: World, call: Call) -> None:
    world.put(
        {
            "double.py": b"def double(x): return x * x",
            "test_double.py": b"from double import double\n"
            b"def test_two(): assert double(2) == 4\n"
            b"def test_three(): assert double(3) == 6, 'not six'\n",
        }
    )
    shown = call("run_tests")
    assert shown.splitlines() == [
        "1 passed, 1 failed of 2",
        "test_double.py::test_three: AssertionError: not six",
    ]
    call("write_file", path="double.py", content="def double(x): return 2 * x")
    assert call("run_tests", path="test_double.py") == "2 passed, 0 failed of 2"
    first, second = world.state().test_runs
    assert (first.passed, first.failed, first.total, first.path) == (1, 1, 2, None)
    assert second == TestRun(2, 0, 2, "", "test_double.py")


def test_the_browser_by_its_tools(world: World, browser: BrowserHost) -> None:
    call = caller(tools_for(world, [*BROWSER_TOOLS, "send"], sandbox=None, browser=browser))
    with pytest.raises(ToolError, match="no page is open"):
        call("screenshot", path="a.png")
    with pytest.raises(ToolError, match="no such file"):
        call("send", to="Ada", file="a.png")
    call("navigate", address="/search")
    assert '[6] text field "Search"' in call("snapshot")
    call("type", number=6, text="weather Oslo", submit=True)
    assert "Weather in Oslo" in call("snapshot")
    call("screenshot", path="a.png")
    call("send", to="Ada", file="a.png")
    state = world.state()
    assert state.deliveries[0].file_bytes == state.files["a.png"]
    assert state.files["a.png"].startswith(b"\x89PNG")
    browser.release(world)
