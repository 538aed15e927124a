"""Runs tests in the process that imports what they test, and reports each one by a pipe.

Standard output is the tested code's: nothing that it prints is read. A report bears a key that
came by standard input. What is not reported has failed, so a program that ends early passes
nothing; assertions that were replaced are noticed. Code that goes after the interpreter which it
shares with its tests can still cheat: tests that must stand that run it as a program.
"""

from __future__ import annotations

import functools
import importlib.util
import inspect
import json
import os
import sys
import unittest
from types import ModuleType
from typing import Any

from workers.agent.sandbox.guest.collect import names_in

_LINE_MAX = 300


class _Reports(unittest.TestResult):
    """Reports each outcome as it is known; the reader takes a test's first failure."""

    def __init__(self, pipe: int, key: str) -> None:
        super().__init__()
        self._pipe = pipe
        self._key = key
        self._assertions = dict(vars(unittest.TestCase))

    def report(self, test: str | None, why: str | None) -> None:
        line = {"key": self._key, "test": test, "why": why and why[:_LINE_MAX]}
        os.write(self._pipe, json.dumps(line).encode() + b"\n")

    def addSuccess(self, test: unittest.TestCase) -> None:  # noqa: N802
        replaced = dict(vars(unittest.TestCase)) != self._assertions
        self.report(_name(test), "unittest's assertions were replaced" if replaced else None)

    def addError(self, test: unittest.TestCase, err: Any) -> None:  # noqa: N802
        self.report(_name(test), _line(err[1]))

    def addFailure(self, test: unittest.TestCase, err: Any) -> None:  # noqa: N802
        self.report(_name(test), _line(err[1]))

    def addSubTest(self, test: unittest.TestCase, subtest: Any, err: Any) -> None:  # noqa: N802, ARG002
        if err is not None:
            self.report(_name(test), _line(err[1]))

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:  # noqa: N802
        self.report(_name(test), f"skipped: {reason}")

    def addExpectedFailure(self, test: unittest.TestCase, err: Any) -> None:  # noqa: N802, ARG002
        self.report(_name(test), "marked as an expected failure")

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:  # noqa: N802
        self.report(_name(test), "marked as an expected failure")


def main(paths: list[str]) -> None:
    """Run all tests of some files; the last argument is the pipe's number."""
    key = sys.stdin.read()
    reports = _Reports(int(paths.pop()), key)
    for path in paths:
        _run_file(path, reports)


def _run_file(path: str, reports: _Reports) -> None:
    with open(path, "rb") as source:
        names = [(name, f"{path}::{name}") for name in names_in(source.read())]
    suite = unittest.TestSuite()
    for name, shown in names:
        try:
            suite.addTest(_case(_load(path), name, shown))
        except BaseException as error:  # noqa: BLE001 - the tested code may raise any, SystemExit too
            reports.report(shown, f"cannot be loaded: {_line(error)}")
    suite.run(reports)


@functools.cache
def _load(path: str) -> ModuleType:
    sys.path[:0] = [os.getcwd(), os.path.dirname(os.path.abspath(path))]
    name = os.path.basename(path)[: -len(".py")]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(path)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _case(module: ModuleType, name: str, shown: str) -> unittest.TestCase:
    owner, _, method = name.rpartition(".")
    holder: Any = getattr(module, owner) if owner else module
    case: unittest.TestCase
    if inspect.isclass(holder) and issubclass(holder, unittest.TestCase):
        case = holder(method)
    else:
        function = getattr(holder() if owner else module, method)
        if inspect.signature(function).parameters:
            raise TypeError(f"{name} takes parameters: there are no fixtures here")
        case = unittest.FunctionTestCase(function)
    case.shown = shown  # type: ignore[attr-defined]
    return case


def _name(test: unittest.TestCase) -> str | None:
    """None for what is no test: the setting up of a class."""
    return getattr(test, "shown", None)


def _line(error: BaseException) -> str:
    said = str(error).strip().splitlines()
    return f"{type(error).__name__}: {said[0]}" if said else type(error).__name__
