"""`herd doctor`: is this host ready?"""

import sys
from pathlib import Path

import click

from orchestrator.checked import checked_here
from orchestrator.cli.output import format_option, print_table
from orchestrator.settings import configuration
from workers.doctor import examine


@click.command()
@click.argument("overrides", nargs=-1)
@format_option
@click.pass_obj
def doctor(config_dir: Path | None, overrides: tuple[str, ...], output: str) -> None:
    """Check that this host is ready to measure; exit code 1 if something fails.

    OVERRIDES as for `herd sweep` choose engine, model and warehouse to check.
    """
    findings = examine(checked_here(configuration(overrides, config_dir)))
    rows = [(finding.check, finding.state, finding.found) for finding in findings]
    print_table(("check", "state", "found"), rows, output)
    if any(finding.state == "fail" for finding in findings):
        sys.exit(1)
