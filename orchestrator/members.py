"""The hosts of a running sweep as the schedule has to know them, with their model files."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.cells import FileKey
from orchestrator.fleet.files import Cannot, Files, Ready, wanted_file
from orchestrator.host_view import HostView
from orchestrator.leases import FileState, HostState
from orchestrator.placement import Planned
from orchestrator.wants import Wanted
from workers.contract import Baseline, ModelFile
from workers.models.fetching import Wanted as WantedFile


@dataclass(slots=True)
class _Member:
    """A host that is there."""

    view: HostView
    files: dict[FileKey, ModelFile]
    """Where they lie there."""
    states: dict[FileKey, FileState]


class Members:
    """Who is there, and who has which file."""

    def __init__(self, files: Files, model_store: str | None) -> None:
        """Nobody is there yet.

        Args:
            files: brings files to hosts.
            model_store: folder of fetched model files; None is the default of each host.
        """
        self._files = files
        self._model_store = model_store
        self._members: dict[str, _Member] = {}
        self._wanted: dict[FileKey, WantedFile] = {}
        self._reasons: dict[FileKey, str] = {}

    def plan(self, cells: Iterable[Planned]) -> None:
        """Cells that may run: they say which files these are."""
        files = {named.file_key: (named, file) for cell in cells for named, file in cell.files}
        self._wanted |= {key: wanted_file(*each) for key, each in files.items()}

    def join(self, node_id: str, view: HostView) -> None:
        """A host is there, for the first time or again.

        Args:
            node_id: Ray's, of this time that it is up.
            view: with what it has itself.
        """
        files = {key: file for key, file in view.models.items() if file.sha256 is not None}
        states = {key: FileState.READY if key in files else FileState.AWAY for key in view.models}
        host_id = view.host.host_id
        self._members[host_id] = _Member(view, files, states)
        self._files.joined(host_id, node_id, files.values(), self._model_store)

    def lose(self, host_id: str) -> None:
        """A host is gone."""
        if self._members.pop(host_id, None):
            self._files.lost(host_id)

    def __contains__(self, host_id: str) -> bool:
        return host_id in self._members

    def state(self, host_id: str, *, draining: bool, quarantined: str | None) -> HostState:
        """A host that is there, for the schedule."""
        member = self._members[host_id]
        return HostState(member.view, draining, quarantined, dict(member.states))

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._members))

    def file(self, host_id: str, cell: Planned) -> ModelFile:
        """A cell's model file where it lies on a host; where it would lie, if it is nowhere."""
        member, key = self._members[host_id], cell.spec.file_key
        return member.files.get(key, cell.file)

    def baseline(self, host_id: str, cell: Planned) -> Baseline | None:
        """The model that a cell is compared with, where its file lies on a host."""
        named, file = cell.spec.baseline, cell.baseline
        if named is None or file is None:
            return None
        there = self._members[host_id].files.get(named.file_key, file)
        return Baseline(there, named.quant, cell.baseline_cell_id)

    def why_missing(self, cell: Planned) -> str:
        """Why a host could not have a cell's model file."""
        told = (self._reasons.get(key) for key in cell.spec.file_keys)
        return next((why for why in told if why), f"no model file at {cell.file.path}")

    def bring(self, wanted: Iterable[Wanted]) -> None:
        """Begin to fetch files, and see what has come of those that were begun."""
        self._files.step()
        for each in wanted:
            self._members[each.host_id].states[each.file] = FileState.COMING
        for host_id, member in self._members.items():
            coming = [key for key, state in member.states.items() if state is FileState.COMING]
            for key in coming:
                self._see(host_id, member, key)

    def _see(self, host_id: str, member: _Member, key: FileKey) -> None:
        match self._files.need_file(host_id, self._wanted[key]):
            case Ready(file):
                member.files[key] = file
                member.states[key] = FileState.READY
            case Cannot(reason):
                self._reasons[key] = reason
                member.states[key] = FileState.NEVER

    @property
    def awaited(self) -> list[Any]:
        """Ray references of which one comes when a fetch has ended."""
        return self._files.refs()

    def fetching(self) -> Mapping[str, str]:
        """What each host fetches now, in words."""
        return {host_id: str(each) for host_id, each in self._files.fetching().items()}
