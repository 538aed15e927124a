"""The root of the command line."""

from pathlib import Path

import click

from orchestrator.cli.doctor import doctor
from orchestrator.cli.models import models
from orchestrator.cli.plan import plan
from orchestrator.cli.sql import sql, views
from orchestrator.cli.status import status
from orchestrator.cli.sweep import sweep


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="herd")
@click.option(
    "--config-dir",
    type=click.Path(path_type=Path),
    default=None,
    help="Your configuration; ./conf where it exists. The shipped one stands behind it.",
)
@click.option("--debug", is_flag=True, help="Show the whole trace of an error.")
@click.pass_context
def herd(context: click.Context, config_dir: Path | None, debug: bool) -> None:
    """Benchmark llama-server over many configurations and hosts; ask the results in SQL."""
    context.obj = config_dir


for verb in (sweep, plan, status, sql, views, models, doctor):
    herd.add_command(verb)
