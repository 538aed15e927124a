"""The tests of a file, told by its source before any of it runs."""

from __future__ import annotations

import ast
import os


def is_test_file(path: str) -> bool:
    """Whether its name is one of a test file's."""
    name = os.path.basename(path)
    return name.endswith(".py") and (name.startswith("test") or name.endswith("_test.py"))


def names_in(source: bytes) -> list[str]:
    """The tests that a source defines: `function`, or `Class.method`; nothing inherited.

    Raises:
        SyntaxError, ValueError: it is no Python.
    """
    names: list[str] = []
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef) and _holds_tests(node):
            names += [f"{node.name}.{name}" for name in map(_test, node.body) if name]
        elif name := _test(node):
            names.append(name)
    return list(dict.fromkeys(names))


def _test(node: ast.stmt) -> str | None:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test"):
        return node.name
    return None


def _holds_tests(node: ast.ClassDef) -> bool:
    return node.name.startswith("Test") or any("TestCase" in ast.dump(base) for base in node.bases)
