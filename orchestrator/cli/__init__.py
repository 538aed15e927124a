"""The command line: one file a verb."""

from orchestrator.cli.root import herd as main

__all__ = ["main"]
