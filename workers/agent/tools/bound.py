"""Inspect's tools over a place. Importing this takes seconds: it imports Inspect."""

from collections.abc import Callable, Sequence
from functools import partial

import anyio.to_thread
from inspect_ai.tool import Tool, ToolError, tool

from warehouse.errors import ConfigError
from workers.agent.sandbox.sandbox import Sandbox
from workers.agent.tools import files, programs, web
from workers.agent.tools.browser import BrowserHost
from workers.agent.tools.names import BROWSER_TOOLS, SANDBOX_TOOLS, TOOL_NAMES
from workers.agent.world.errors import ToolRefusedError
from workers.agent.world.place import Place


def tools_for(
    world: Place, names: Sequence[str], *, sandbox: Sandbox | None, browser: BrowserHost | None
) -> list[Tool]:
    """The named tools, bound to a world.

    Raises:
        ConfigError: an unknown name, or one that needs a sandbox or a browser that is None.
    """
    makers: dict[str, Callable[[], Tool]] = {
        "web_fetch": partial(web_fetch, world),
        "web_search": partial(web_search, world),
        "read_file": partial(read_file, world),
        "write_file": partial(write_file, world),
        "list_files": partial(list_files, world),
        "send": partial(send, world),
    }
    if browser is not None:
        makers |= {
            "navigate": partial(navigate, world, browser),
            "snapshot": partial(snapshot, world, browser),
            "click": partial(click, world, browser),
            "type": partial(type_text, world, browser),
            "screenshot": partial(screenshot, world, browser),
        }
    if sandbox is not None:
        makers["run_python"] = partial(run_python, world, sandbox)
        makers["run_tests"] = partial(run_tests, world, sandbox)
    for name in names:
        if name not in makers:
            raise ConfigError(_missing(name))
    return [makers[name]() for name in names]


def _missing(name: str) -> str:
    if name in BROWSER_TOOLS:
        return f"the tool {name} needs a browser: install the package chromium"
    if name in SANDBOX_TOOLS:
        return f"the tool {name} needs a sandbox: install the package bubblewrap"
    return f"there is no tool {name}: {', '.join(TOOL_NAMES)}"


async def _in_thread(act: Callable[[], str]) -> str:
    """What a tool does blocks: other sessions go on. What it refuses is an answer to the model."""
    try:
        return await anyio.to_thread.run_sync(act)
    except ToolRefusedError as error:
        raise ToolError(" ".join(str(error).split())) from None


@tool
def web_fetch(place: Place) -> Tool:
    """The tool `web_fetch`."""

    async def execute(address: str) -> str:
        """Fetch a web page and return its text. Links are shown with their target in parentheses.

        Args:
            address: The address of the page, for example /weather or http://host/weather.
        """
        return await _in_thread(lambda: web.web_fetch(place, address))

    return execute


@tool
def web_search(place: Place) -> Tool:
    """The tool `web_search`."""

    async def execute(query: str) -> str:
        """Search the web site and return the best pages with their addresses.

        Args:
            query: A few words to search for.
        """
        return await _in_thread(lambda: web.web_search(place, query))

    return execute


@tool
def navigate(place: Place, browser: BrowserHost) -> Tool:
    """The tool `navigate`."""

    async def execute(address: str) -> str:
        """Open a page in the browser. Take a snapshot afterwards to see what is on it.

        Args:
            address: The address of the page, for example /weather or http://host/weather.
        """
        return await _in_thread(lambda: browser.navigate(place, address))

    return execute


@tool
def snapshot(place: Place, browser: BrowserHost) -> Tool:
    """The tool `snapshot`."""

    async def execute() -> str:
        """Return the text of the page in the browser and its elements, each with a number."""
        return await _in_thread(lambda: browser.snapshot(place))

    return execute


@tool
def click(place: Place, browser: BrowserHost) -> Tool:
    """The tool `click`."""

    async def execute(number: int) -> str:
        """Click an element of the page in the browser.

        Args:
            number: The number of the element in the last snapshot.
        """
        return await _in_thread(lambda: browser.click(place, number))

    return execute


@tool(name="type")
def type_text(place: Place, browser: BrowserHost) -> Tool:
    """The tool `type`."""

    async def execute(number: int, text: str, submit: bool = False) -> str:
        """Type into a text field of the page in the browser, or choose an option of a choice.

        Args:
            number: The number of the element in the last snapshot.
            text: The text to type, or the name of the option to choose.
            submit: Whether to press Enter afterwards, which sends the form.
        """
        return await _in_thread(lambda: browser.type(place, number, text, submit=submit))

    return execute


@tool
def screenshot(place: Place, browser: BrowserHost) -> Tool:
    """The tool `screenshot`."""

    async def execute(path: str) -> str:
        """Take a screenshot of the page in the browser and write it to a file.

        Args:
            path: The relative path of the file to write; it must end in .png.
        """
        return await _in_thread(lambda: browser.screenshot(place, path))

    return execute


@tool
def read_file(place: Place) -> Tool:
    """The tool `read_file`."""

    async def execute(path: str) -> str:
        """Read a text file of your directory.

        Args:
            path: The relative path of the file, for example notes.txt.
        """
        return await _in_thread(lambda: files.read_file(place, path))

    return execute


@tool
def write_file(place: Place) -> Tool:
    """The tool `write_file`."""

    async def execute(path: str, content: str) -> str:
        """Write a text file into your directory. An existing file is replaced.

        Args:
            path: The relative path of the file, for example notes.txt.
            content: The whole text of the file.
        """
        return await _in_thread(lambda: files.write_file(place, path, content))

    return execute


@tool
def list_files(place: Place) -> Tool:
    """The tool `list_files`."""

    async def execute() -> str:
        """List the files of your directory with their sizes."""
        return await _in_thread(lambda: files.list_files(place))

    return execute


@tool
def send(place: Place) -> Tool:
    """The tool `send`."""

    async def execute(to: str, text: str = "", file: str = "") -> str:
        """Send a text, or a file of your directory, to somebody. Give either text or file.

        Args:
            to: Who shall get it: a name or an e-mail address.
            text: The text to send.
            file: The relative path of the file to send. It must exist.
        """
        return await _in_thread(lambda: files.send(place, to, text or None, file or None))

    return execute


@tool
def run_python(place: Place, sandbox: Sandbox) -> Tool:
    """The tool `run_python`."""

    async def execute(code: str) -> str:
        """Run a Python program in your directory and return what it prints.

        There is no network. The standard library is there. Files that it writes are kept.

        Args:
            code: The whole program. Use print to see results.
        """
        return await _in_thread(lambda: programs.run_python(place, sandbox, code))

    return execute


@tool
def run_tests(place: Place, sandbox: Sandbox) -> Tool:
    """The tool `run_tests`."""

    async def execute(path: str = "") -> str:
        """Run the Python tests of your directory (unittest, or functions named test_...).

        Args:
            path: The relative path of a test file. Without it, all files named test*.py run.
        """
        return await _in_thread(lambda: programs.run_tests(place, sandbox, path or None))

    return execute
