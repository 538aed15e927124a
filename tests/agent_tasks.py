"""A task of Inspect as a user writes one, and a scripted model that does it."""

import json
from pathlib import Path
from typing import Any

from tests.herd_process import Herd

TASK = '''
from inspect_ai import Task, task
from inspect_ai.dataset import Sample
from inspect_ai.scorer import includes
from inspect_ai.solver import generate, use_tools
from inspect_ai.tool import tool


@tool
def add():
    async def execute(a: int, b: int) -> str:
        """Add two numbers.

        Args:
            a: one
            b: the other
        """
        return str(a + b)

    return execute


@task
def sums():
    samples = [Sample(id="right", input="right: 1 + 2", target="3"),
               Sample(id="wrong", input="wrong: 1 + 2", target="3")]
    return Task(dataset=samples, solver=[use_tools(add()), generate()], scorer=includes())
'''
RIGHT: dict[str, Any] = {
    "when": "right",
    "answers": [
        {"calls": [{"name": "add", "arguments": {"a": 1, "b": 2}}]},
        {"content": "It is 3."},
    ],
}
CHAT: list[dict[str, Any]] = [RIGHT, {"when": "wrong", "answers": [{"content": "It is 4."}]}]
SILENT: list[dict[str, Any]] = [RIGHT, {"when": "wrong", "answers": [{"silent": True}]}]
"""Answers one sample, then never again: a cell that is under way for as long as one likes."""


def task_file(folder: Path) -> str:
    """The task as `workload.suite` names it."""
    path = folder / "sums.py"
    path.write_text(TASK)
    return f"{path}@sums"


def says(herd: Herd, chat: list[dict[str, Any]]) -> None:
    """`engine=fake` answers so from its next start on; it stays the same engine."""
    script = herd.folder / "script.json"
    script.write_text(json.dumps({"chat": chat}))
    herd.engine("fake")
    config = herd.conf / "engine" / "fake.yaml"
    found = json.loads(config.read_text())
    found["env"] = {"FAKE_LLAMA": str(script)}
    config.write_text(json.dumps(found))


def sweep_of_sums(herd: Herd, *overrides: str, engine: str = "fake") -> tuple[str, ...]:
    """A sweep of one cell of that task on a fake server."""
    return (
        *("sweep", "model=file", f"model.path={herd.model_file()}", "pairing=cpu"),
        *(f"engine={engine}", "workload=agent", f"workload.suite={task_file(herd.folder)}"),
        *overrides,
    )
