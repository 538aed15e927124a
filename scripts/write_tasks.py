"""Write the table of tasks into docs/agents.md: python -m scripts.write_tasks.

The table stands between two comments; the rest of the document is written by hand.
"""

from collections import Counter
from pathlib import Path

from workers.agent.suite import toolsets
from workers.agent.suite.catalogue import TASKS
from workers.agent.suite.spec import Level, Task

DOC = Path(__file__).parents[1] / "docs" / "agents.md"
BEGIN = "<!-- tasks: written by python -m scripts.write_tasks -->\n"
END = "<!-- end of tasks -->\n"
TOOLSETS = {
    (): "none",
    toolsets.OFFICE: "office",
    toolsets.BROWSING: "browsing",
    toolsets.CODE: "code",
}


def table() -> str:
    """The tasks by level, each a line, and how many there are."""
    levels = Counter(task.level for task in TASKS.values())
    counts = ", ".join(f"{levels[level]} of {level}" for level in Level)
    sets = [f"- {name}: {_named(tools)}" for tools, name in TOOLSETS.items() if tools]
    lines = [
        f"{len(TASKS)} tasks: {counts}. Tools that are offered together:",
        "",
        *sets,
        "",
        "| task | class | language | tools | asked for | checked |",
        "| --- | --- | --- | --- | --- | --- |",
        *(_line(task) for task in TASKS.values()),
    ]
    return "".join(f"{line}\n" for line in lines)


def _named(tools: tuple[str, ...]) -> str:
    return ", ".join(f"`{tool}`" for tool in tools)


def _line(task: Task) -> str:
    cells = (
        f"`{task.name}`",
        task.task_class,
        task.language or "",
        TOOLSETS[task.tools],
        task.asks,
        task.checks,
    )
    return f"| {' | '.join(cells)} |"


def written(text: str) -> str:
    """The document with the table of now."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{table()}{END}{after}"


def main() -> None:
    """Write the document anew."""
    DOC.write_text(written(DOC.read_text()))


if __name__ == "__main__":
    main()
