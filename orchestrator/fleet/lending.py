"""What hosts know of model files, lent to those that lack them. Pure.

So a cell has one identity and one prediction on all hosts of a class, whether its file is there
or comes before the launch.
"""

from collections.abc import Sequence
from dataclasses import replace

from orchestrator.cells import CellSpec, FileKey, NamedFile
from orchestrator.host_view import HostView
from workers.contract import ModelFile


def lend(views: Sequence[HostView], cells: Sequence[CellSpec]) -> tuple[HostView, ...]:
    """The hosts as if each had every file that the fleet can give it.

    The first host that has a file tells its hash, size and shape; of a file that is nowhere the
    catalogue tells hash and size. What is wrong with a host's own file stays so.

    Args:
        views: what is on each host.
        cells: with the catalogue's entries.
    """
    listed = {file.file_key: file for cell in cells for file in cell.named_files}
    return tuple(_borrowing(view, views, listed) for view in views)


def _borrowing(
    view: HostView, views: Sequence[HostView], listed: dict[FileKey, NamedFile]
) -> HostView:
    lacking = [key for key, file in view.models.items() if file.sha256 is None]
    if not lacking:
        return view
    models, shapes = dict(view.models), dict(view.shapes)
    unreadable = dict(view.unreadable)
    for key in lacking:
        owner = next((each for each in views if _has(each, key)), None)
        file = owner.models[key] if owner else _of_catalogue(models[key], listed.get(key))
        if file.sha256 is None:
            continue
        models[key] = replace(models[key], sha256=file.sha256, size_bytes=file.size_bytes)
        if owner:
            unreadable.pop(key, None)
            shapes |= {key: owner.shapes[key]} if key in owner.shapes else {}
            unreadable |= {key: owner.unreadable[key]} if key in owner.unreadable else {}
    return replace(view, models=models, shapes=shapes, unreadable=unreadable)


def _has(view: HostView, key: FileKey) -> bool:
    return key in view.models and view.models[key].sha256 is not None


def _of_catalogue(file: ModelFile, named: NamedFile | None) -> ModelFile:
    """A file that is nowhere, as the catalogue describes it."""
    listed = named.model.files.get(named.quant) if named else None
    if listed is None or listed.path is not None:
        return file
    return replace(file, sha256=listed.sha256, size_bytes=listed.size_bytes or file.size_bytes)
