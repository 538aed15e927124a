"""`herd models inspect`: what a header says, in under a second whatever the file's size.

So nothing is imported here that it can do without: Hydra, DuckDB and Arrow take most of a second.
"""

from pathlib import Path

import click

from orchestrator.cli.inspection import inspection, print_inspection
from orchestrator.cli.output import format_option
from orchestrator.measured_kv import MeasuredKv, read_measured_kv
from orchestrator.settings import warehouse_storage
from workers.models.header import read_header


@click.command("inspect")
@click.argument("target", metavar="MODEL|FILE")
@click.argument("quant", required=False)
@format_option
@click.pass_obj
def inspect_model(config_dir: Path | None, target: str, quant: str | None, output: str) -> None:
    """Show what the header of a model file says, and the memory that its context takes.

    Names a MODEL of the catalogue with its QUANT (else its default one), or any GGUF FILE.
    """
    path = _inspected_path(config_dir, target, quant)
    header = read_header(path)
    facts = {"path": str(path), **header.facts(), "complete": header.missing_bytes == 0}

    def measured_kv(digest: str) -> MeasuredKv:
        return read_measured_kv(warehouse_storage(config_dir), digest)

    print_inspection(inspection(facts, header, measured_kv), output)


def _inspected_path(config_dir: Path | None, target: str, quant: str | None) -> Path:
    if quant is None and Path(target).is_file():
        return Path(target)
    from orchestrator.cli.catalogue import catalogue_path

    return catalogue_path(config_dir, target, quant)
