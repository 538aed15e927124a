"""What `herd models inspect` prints: facts of a header, and tables of the memory it means."""

import json
from collections.abc import Callable, Mapping

import click

from orchestrator.cli.output import print_table
from orchestrator.measured_kv import MeasuredKv
from orchestrator.memory.tables import Section, memory_sections
from warehouse.errors import ModelError
from workers.models.header import GgufHeader
from workers.models.shape import model_shape

_MIB = 2**20


def inspection(
    facts: Mapping[str, object], header: GgufHeader, measured_kv: Callable[[str], MeasuredKv]
) -> tuple[Section, ...]:
    """The sections of a model: its facts first, then what they mean in memory.

    A header that allows no prediction says so among the facts: it is what one looks for here.

    Args:
        facts: what the header says.
        header: the header.
        measured_kv: what the warehouse has seen of a shape, by its digest.
    """
    try:
        shape = model_shape(header)
    except ModelError as error:
        return (_facts({**facts, "memory": f"cannot be predicted: the file {error}"}),)
    state = sum(layer.recurrent_bytes for layer in shape.layers) / _MIB
    known = {
        "memory": shape.note or "exact",
        "weights_mib": shape.weights_bytes / _MIB,
        "recurrent_state_mib": state,
        "tied_embeddings": shape.is_tied,
    }
    return (_facts({**facts, **known}), *memory_sections(shape, measured_kv(shape.digest)))


def print_inspection(sections: tuple[Section, ...], output: str) -> None:
    """Print the sections one below the other; JSON is one object, CSV one long table."""
    if output == "json":
        click.echo(json.dumps({s.name: _records(s) for s in sections}, indent=2, default=str))
    elif output == "csv":
        cells = [
            (section.name, row[0], column, _plain(value))
            for section in sections
            for row in section.rows
            for column, value in zip(section.columns[1:], row[1:], strict=True)
        ]
        print_table(("section", "row", "column", "value"), cells, output)
    else:
        for number, section in enumerate(sections):
            click.echo(("\n" if number else "") + section.title)
            rows = [[_plain(value) for value in row] for row in section.rows]
            print_table(section.columns, rows, output)


def _facts(facts: Mapping[str, object]) -> Section:
    return Section("facts", "What the header says", ("fact", "value"), tuple(facts.items()))


def _records(section: Section) -> object:
    if section.name == "facts":
        return {str(row[0]): row[1] for row in section.rows}
    return [dict(zip(section.columns, row, strict=True)) for row in section.rows]


def _plain(value: object) -> object:
    return json.dumps(value) if isinstance(value, (dict, list, tuple)) else value
