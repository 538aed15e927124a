"""`herd models list` and `fetch`: the catalogue, and its files on this host."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, SpinnerColumn, TaskProgressColumn, TextColumn
from rich.progress import Progress as Bars

from orchestrator.cli.output import format_option, print_table
from orchestrator.config import load_catalogue
from orchestrator.settings import configuration
from orchestrator.this_host import model_store
from warehouse.errors import ConfigError
from workers.models.config import ModelConfig, ModelFileConfig, validate_model
from workers.models.hashing import known_sha256
from workers.models.sources import Progress
from workers.models.store import ModelStore

_MIB = 2**20
_GIB = 2**30
_SHORT_SHA256 = 12

COLUMNS = (
    "model",
    "quant",
    "kind",
    "variant",
    "size_gib",
    "upstream",
    "path",
    "sha256",
    "status",
    "notes",
)
"""Columns of `herd models list` as a table; CSV and JSON have every field."""


@click.command("list")
@format_option
@click.pass_obj
def list_models(config_dir: Path | None, output: str) -> None:
    """List every model file of the catalogue, here or upstream.

    CSV and JSON have every field, with base model, links and parameters.
    """
    records = catalogue_records(load_catalogue(config_dir), _store(config_dir))
    if output == "table":
        short = [{**record, "sha256": _short(record["sha256"])} for record in records]
        print_table(COLUMNS, [[record[key] for key in COLUMNS] for record in short], output)
    elif records:
        print_table(list(records[0]), [list(record.values()) for record in records], output)


@click.command("fetch")
@click.argument("model")
@click.argument("quants", metavar="[QUANT]...", nargs=-1)
@click.pass_obj
def fetch_model(config_dir: Path | None, model: str, quants: tuple[str, ...]) -> None:
    """Put files of MODEL into the model store; without QUANT its default one.

    Prints where they lie.
    """
    entry = _entry(load_catalogue(config_dir), model)
    store = _store(config_dir)
    for quant in quants or (_default_quant(entry),):
        with _progress_bar() as progress:
            path = store.fetch(entry, quant, progress)
        click.echo(path)


def catalogue_records(
    catalogue: Mapping[str, ModelConfig], store: ModelStore
) -> list[dict[str, object]]:
    """One record a model file, with what of it is on this host.

    Raises:
        ConfigError: an entry of the catalogue is wrong.
    """
    records = []
    for model in catalogue.values():
        validate_model(model)
        for quant, file in model.files.items():
            path = store.locate(model, quant)
            records.append(_record(model, quant, file, path, _sha256(file, path, store)))
    return records


def _record(
    model: ModelConfig, quant: str, file: ModelFileConfig, path: Path | None, sha256: str | None
) -> dict[str, object]:
    facts = asdict(model)
    for key in ("name", "files", "path", "notes", "default_quant"):
        del facts[key]
    size = path.stat().st_size if path else file.size_bytes or int((file.size_gb or 0) * 1e9)
    return {
        "model": model.name,
        "quant": quant,
        "is_default": quant == model.default_quant,
        "kind": file.kind,
        "variant": file.variant,
        "size_gib": round(size / _GIB, 2) if size else None,
        "size_bytes": path.stat().st_size if path else file.size_bytes,
        "upstream": file.upstream,
        "file": file.file,
        "path": None if path is None else str(path),
        "sha256": sha256,
        "status": file.status,
        "notes": file.notes,
        "model_notes": " ".join(model.notes),
        **{key: _plain(value) for key, value in facts.items()},
    }


def _sha256(file: ModelFileConfig, path: Path | None, store: ModelStore) -> str | None:
    """The file's own hash where it is known, else the catalogue's."""
    known = known_sha256(path, store.memo) if path else None
    return known or file.sha256


def _plain(value: object) -> object:
    return json.dumps(value) if isinstance(value, (dict, list, tuple)) else value


def _short(sha256: object) -> str | None:
    return sha256[:_SHORT_SHA256] if isinstance(sha256, str) else None


def catalogue_path(config_dir: Path | None, target: str, quant: str | None) -> Path:
    """Where a file of the catalogue lies or would lie; what is no model's name is a path.

    Raises:
        ConfigError: no such model, or it has no such quant.
    """
    catalogue = load_catalogue(config_dir)
    if quant is None and target not in catalogue:
        return Path(target)
    entry = _entry(catalogue, target)
    return _store(config_dir).path(entry, quant or _default_quant(entry))


def _entry(catalogue: Mapping[str, ModelConfig], name: str) -> ModelConfig:
    if name not in catalogue:
        raise ConfigError(f"unknown model '{name}', there are: {', '.join(catalogue)}")
    return catalogue[name]


def _default_quant(entry: ModelConfig) -> str:
    if entry.default_quant is None:
        known = ", ".join(entry.files) or "none"
        raise ConfigError(f"model {entry.name} has no default quant, name one of: {known}")
    return entry.default_quant


def _store(config_dir: Path | None) -> ModelStore:
    """The store that a sweep uses."""
    return model_store(configuration((), config_dir))


@contextmanager
def _progress_bar() -> Iterator[Progress]:
    """A bar on standard error that shows one stage at a time."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("", total=None)

        def show(stage: str, done: int, total: int | None) -> None:
            # without a whole there is no bar: clients only tell the bytes so far
            text = stage if total or not done else f"{stage}: {done / _MIB:.0f} MiB"
            bars.update(task, description=text, completed=done, total=total)

        yield show
