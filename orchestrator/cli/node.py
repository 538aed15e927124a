"""`herd node`."""

import click

from orchestrator.cli.lazy import LazyGroup

COMMANDS = {
    "add": "node_add:add_node",
    "list": "node_list:list_nodes",
    "show": "node_list:show_node",
    "drain": "node_leave:drain_node",
    "remove": "node_leave:remove_node",
}


@click.group("node", cls=LazyGroup, commands_in=COMMANDS)
def node() -> None:
    """The fleet: hosts that measure for this one."""
