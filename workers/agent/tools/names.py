"""The tools' names."""

TOOL_NAMES = (
    "web_fetch",
    "web_search",
    "navigate",
    "snapshot",
    "click",
    "type",
    "screenshot",
    "read_file",
    "write_file",
    "list_files",
    "send",
    "run_python",
    "run_tests",
)
BROWSER_TOOLS = frozenset({"navigate", "snapshot", "click", "type", "screenshot"})
"""They need a `BrowserHost`."""
SANDBOX_TOOLS = frozenset({"run_python", "run_tests"})
"""They need a `Sandbox`."""
