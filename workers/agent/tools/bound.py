"""Inspect's tools over a world. Importing this takes seconds: it imports Inspect."""

from collections.abc import Sequence

from inspect_ai.tool import Tool

from workers.agent.sandbox.sandbox import Sandbox
from workers.agent.tools.browser import BrowserHost
from workers.agent.world.world import World


def tools_for(
    world: World, names: Sequence[str], *, sandbox: Sandbox | None, browser: BrowserHost | None
) -> list[Tool]:
    """The named tools, bound to a world.

    Raises:
        ConfigError: an unknown name, or one that needs a sandbox or browser that is None.
    """
    raise NotImplementedError(world, names, sandbox, browser)
