"""Hosts as the plan sees them, made of what looks at them reported. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from orchestrator.cells import FROM_HEADER, CellSpec, FileKey, NamedFile
from warehouse import rows
from warehouse.rows import Host
from workers.contract import ModelFile
from workers.engine.build import EngineBuild
from workers.look import EngineKey, FoundModel, HostReport, LookRequest, WantedModel
from workers.models.header import UNKNOWN_QUANT
from workers.models.shape import ModelShape


@dataclass(frozen=True, slots=True)
class HostView:
    """A host's facts, engines and model files."""

    host: Host
    engines: Mapping[EngineKey, EngineBuild | None]
    """By `EngineConfig.probe_key`; None: not usable on this host."""
    models: Mapping[FileKey, ModelFile]
    """By `CellSpec.file_key`; a file that is nowhere has no sha256."""
    shapes: Mapping[FileKey, ModelShape] = field(default_factory=dict)
    """Of the files whose header can be read."""
    unreadable: Mapping[FileKey, str] = field(default_factory=dict)
    """Why a file or its header cannot."""
    free_ram_mib: float | None = None

    @property
    def kind(self) -> object:
        """What makes two hosts one to the plan: class, builds, devices, files."""
        builds = ((key, build and build.sha256) for key, build in self.engines.items())
        files = ((key, file.sha256) for key, file in self.models.items())
        return self.host.hardware_class, frozenset(builds), frozenset(files)


@dataclass(frozen=True, slots=True)
class Seen:
    """What hosts have for the cells of a command."""

    views: tuple[HostView, ...]
    cells: tuple[CellSpec, ...]
    """With the quants that headers name."""
    models: tuple[rows.Model, ...]
    """The files that are there."""


class Looking:
    """What to look for, and what the hosts' reports mean."""

    def __init__(self, cells: Sequence[CellSpec], model_store: str | None) -> None:
        """Of these cells.

        Args:
            cells: as asked for.
            model_store: folder of fetched model files; None is the default of each host.
        """
        self._cells = tuple(map(_by_path, cells))
        self._model_store = model_store
        self._wanted = {file.file_key: file for cell in self._cells for file in cell.named_files}

    def request(self, host_id: str) -> LookRequest:
        """For a host."""
        engines = {cell.engine.probe_key: cell.engine for cell in self._cells}
        models = (
            WantedModel(file.model, None if file.quant == FROM_HEADER else file.quant)
            for file in self._wanted.values()
        )
        return LookRequest(host_id, self._model_store, tuple(engines.values()), tuple(models))

    def seen(self, reports: Sequence[HostReport]) -> Seen:
        """The hosts and the cells; a quant that a header names is the first report's to tell."""
        keys = self._keys(reports)
        cells = tuple(_with_quants(cell, keys) for cell in self._cells)
        named = list(keys.values())
        views = tuple(
            _view(report, dict(zip(named, report.models, strict=True))) for report in reports
        )
        models = tuple(
            _model_row(report.host, key, found)
            for report in reports
            for key, found in dict(zip(named, report.models, strict=True)).items()
            if not found.missing
        )
        return Seen(views, cells, models)

    def _keys(self, reports: Sequence[HostReport]) -> dict[FileKey, FileKey]:
        """What a file is called, by what it was asked for as."""
        keys: dict[FileKey, FileKey] = {}
        for number, (name, quant, path) in enumerate(self._wanted):
            told = [report.models[number].quant for report in reports]
            known = next((each for each in told if each != UNKNOWN_QUANT), UNKNOWN_QUANT)
            keys[name, quant, path] = name, known if quant == FROM_HEADER else quant, path
        return keys


def _by_path(cell: CellSpec) -> CellSpec:
    """Models given by path are called after their files."""
    own = NamedFile(cell.model, cell.quant).by_path()
    return replace(cell, model=own.model, baseline=cell.baseline and cell.baseline.by_path())


def _with_quants(cell: CellSpec, keys: Mapping[FileKey, FileKey]) -> CellSpec:
    """With the quants that headers name."""
    baseline = cell.baseline
    if baseline is not None:
        baseline = replace(baseline, quant=keys[baseline.file_key][1])
    return replace(cell, quant=keys[cell.file_key][1], baseline=baseline)


def _view(report: HostReport, found: Mapping[FileKey, FoundModel]) -> HostView:
    told = {key: each.missing or each.unread for key, each in found.items()}
    return HostView(
        host=report.host,
        engines=dict(report.engines),
        models={key: each.file for key, each in found.items()},
        shapes={key: each.shape for key, each in found.items() if each.shape},
        unreadable={key: why for key, why in told.items() if why},
        free_ram_mib=report.free_ram_mib,
    )


def _model_row(host: Host, key: FileKey, found: FoundModel) -> rows.Model:
    """The row of a file that is there; a damaged one has no facts."""
    name, quant, _ = key
    return rows.Model(
        model_sha256=found.file.sha256 or "",
        host_id=host.host_id,
        seen_at=host.seen_at,
        model=name,
        quant=quant,
        path=found.file.path,
        size_bytes=found.file.size_bytes or 0,
        architecture=found.architecture,
        facts=found.facts,
        shape_digest=found.shape.digest if found.shape else None,
    )
