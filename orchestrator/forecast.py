"""Time and speed of a cell before it runs, from what was measured. Pure.

The nearest history decides: the cell itself, its server configuration (another build or number
of repetitions), the same context and caches with a neighbouring quant, the same quant with other
contexts and caches, the model at all. What was measured elsewhere, on another host, pairing or
with other flags, counts by the ratio of what was measured on both. Nothing is assumed but this:
generation reads the weights once a token, so that its speed goes against the file's size, and so
does loading.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass, replace
from math import inf, log
from statistics import median
from typing import TypeVar

from orchestrator.gpu_names import short_name
from orchestrator.measured import CellFacts, MeasuredCell, Setting, Workload
from orchestrator.patterns import joined


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is expected of a cell; None: not known."""

    tg_tok_s: float | None
    pp_tok_s: float | None
    seconds: float | None
    load_ms: float | None
    basis: str
    """What it was predicted from."""


_Key = tuple[object, ...]
_Point = tuple[float, MeasuredCell]
"""A measured value and the cell that it is of."""
_Alike = dict[_Key, list[_Point]]
"""Points by what makes their cells alike."""
_Quant = tuple[str, int | None]
"""With the size of the file."""
_Caches = tuple[str, str]
_Tree = dict[_Quant, dict[_Caches, dict[int, list[_Point]]]]
"""Points by quant, caches and context: the nearest is found without looking at them all."""

_K = TypeVar("_K")
_V = TypeVar("_V")

_QUANTITIES: Mapping[str, Callable[[MeasuredCell], float | None]] = {
    "tg_tok_s": lambda cell: cell.tg_tok_s,
    "pp_tok_s": lambda cell: cell.pp_tok_s,
    "seconds": lambda cell: cell.seconds,
    "load_ms": lambda cell: cell.load_ms,
}


class Forecaster:
    """Forecasts from one history; the same history and cell give the same forecast."""

    def __init__(self, history: Iterable[MeasuredCell]) -> None:
        self._near: dict[str, dict[_Key, _Tree]] = {quantity: {} for quantity in _QUANTITIES}
        self._alike: dict[str, dict[Setting, _Alike]] = {q: {} for q in _QUANTITIES}
        self._settings: dict[Setting, None] = {}
        self._ratios: dict[tuple[str, Setting, Setting], tuple[float, int] | None] = {}
        self._shared: dict[Setting, list[Setting]] = {}
        for cell in history:
            self._settings[cell.facts.setting] = None
            for quantity, of in _QUANTITIES.items():
                value = of(cell)
                if value:
                    self._add(quantity, (value, cell))

    def _add(self, quantity: str, point: _Point) -> None:
        facts = point[1].facts
        quant, caches = (facts.quant, facts.size_bytes), (facts.cache_k, facts.cache_v)
        for _, key in _keys(quantity, facts):
            tree = self._near[quantity].setdefault(key, {})
            contexts = tree.setdefault(quant, {}).setdefault(caches, {})
            contexts.setdefault(facts.context, []).append(point)
        alike = self._alike[quantity].setdefault(facts.setting, {})
        alike.setdefault(_apart_from_setting(quantity, facts), []).append(point)

    def forecast(self, facts: CellFacts) -> Forecast | None:
        """What to expect of a cell; None where no history helps."""
        here = self._on_setting(facts)
        return here if here else self._from_elsewhere(facts)

    def _on_setting(self, facts: CellFacts) -> Forecast | None:
        tg, tg_basis = self._value("tg_tok_s", facts)
        pp, pp_basis = self._value("pp_tok_s", facts)
        seconds, basis = self._seconds(facts, tg, pp)
        load, _ = self._value("load_ms", facts)
        found = Forecast(tg, pp, seconds, load, basis or tg_basis or pp_basis)
        return found if _tells(found) else None

    def _value(self, quantity: str, facts: CellFacts) -> tuple[float | None, str]:
        basis, points = self._nearest(quantity, facts)
        scaled = [value * _by_size(quantity, facts, cell.facts) for value, cell in points]
        return (median(scaled), basis) if scaled else (None, "")

    def _seconds(
        self, facts: CellFacts, tg: float | None, pp: float | None
    ) -> tuple[float | None, str]:
        """Measured seconds, by the time that the tokens take there and here."""
        basis, points = self._nearest("seconds", facts)
        here = _token_seconds(facts.workload, tg, pp)
        scaled = []
        for seconds, cell in points:
            there = _token_seconds(cell.facts.workload, cell.tg_tok_s, cell.pp_tok_s)
            if here and there:
                scaled.append(seconds * here / there)
            elif cell.facts.workload == facts.workload:
                scaled.append(seconds)
        return (median(scaled), basis) if scaled else (None, "")

    def _nearest(self, quantity: str, facts: CellFacts) -> tuple[str, list[_Point]]:
        for basis, key in _keys(quantity, facts):
            tree = self._near[quantity].get(key, {})
            found = _nearest_points(facts, tree)
            if found:
                return f"{basis}: {_told(facts, found)}", found
        return "", []

    def _from_elsewhere(self, facts: CellFacts) -> Forecast | None:
        """From the setting that shares most measured cells with the one asked for."""
        for setting in self._by_shared(facts.setting):
            there = self._on_setting(replace(facts, cell_id="", setting=setting))
            carried = self._carried(there, facts.setting, setting) if there else None
            if carried and _tells(carried):
                return carried
        return None

    def _by_shared(self, here: Setting) -> list[Setting]:
        if here not in self._shared:
            shared = {s: self._number_shared(here, s) for s in self._settings if s != here}
            by_number = sorted(shared, key=lambda setting: (-shared[setting], astuple(setting)))
            self._shared[here] = [setting for setting in by_number if shared[setting]]
        return self._shared[here]

    def _number_shared(self, here: Setting, there: Setting) -> int:
        ratios = (self._ratio(quantity, here, there) for quantity in _QUANTITIES)
        return max((ratio[1] for ratio in ratios if ratio), default=0)

    def _carried(self, there: Forecast, here: Setting, setting: Setting) -> Forecast:
        def carry(quantity: str, value: float | None) -> float | None:
            ratio = self._ratio(quantity, here, setting)
            return value * ratio[0] if value is not None and ratio else None

        where = setting.hardware_class
        if where == here.hardware_class:
            where = joined(map(short_name, setting.devices)) or "the CPU"
        shared = self._number_shared(here, setting)
        return Forecast(
            carry("tg_tok_s", there.tg_tok_s),
            carry("pp_tok_s", there.pp_tok_s),
            carry("seconds", there.seconds),
            carry("load_ms", there.load_ms),
            f"{there.basis}, on {where}, by the ratio of {shared} cell(s) measured on both",
        )

    def _ratio(self, quantity: str, here: Setting, there: Setting) -> tuple[float, int] | None:
        """Median of here against there over what was measured on both, and on how many cells."""
        key = quantity, here, there
        if key not in self._ratios:
            ours, theirs = (self._alike[quantity].get(setting, {}) for setting in (here, there))
            ratios = [
                median(value for value, _ in points) / median(value for value, _ in theirs[alike])
                for alike, points in ours.items()
                if alike in theirs
            ]
            self._ratios[key] = (median(ratios), len(ratios)) if ratios else None
        return self._ratios[key]


def _tells(forecast: Forecast) -> bool:
    """Whether it says anything of the cell itself: the server's start alone is not enough."""
    return any((forecast.tg_tok_s, forecast.pp_tok_s, forecast.seconds))


def _keys(quantity: str, facts: CellFacts) -> Iterator[tuple[str, _Key]]:
    """From the nearest history to the farthest; times only count for the same workload."""
    kind = facts.workload.name if quantity == "seconds" else ""
    common = (kind, facts.setting, facts.model)
    caches = (facts.context, facts.cache_k, facts.cache_v)
    yield "this cell", (kind, facts.cell_id)
    yield "this configuration", (*common, facts.quant, caches)
    yield "neighbouring quant", (*common, caches)
    yield "other context or caches", (*common, facts.quant)
    yield "other quant, context or caches", common


def _apart_from_setting(quantity: str, facts: CellFacts) -> _Key:
    """What two cells on different settings have to share to be compared."""
    same = (facts.model, facts.quant, facts.context, facts.cache_k, facts.cache_v)
    # a start is the same whatever is done then
    return same if quantity == "load_ms" else (*same, facts.workload.name, facts.workload.config)


def _nearest_points(asked: CellFacts, tree: _Tree) -> list[_Point]:
    """The points whose cells are most like the one asked for: by quant, then caches, context."""
    quants = _nearest([tree], lambda quant: _size_distance(asked, quant))
    caches = _nearest(quants, lambda kv: (kv[0] != asked.cache_k) + (kv[1] != asked.cache_v))
    contexts = _nearest(caches, lambda context: abs(log(asked.context / context)))
    return [point for points in contexts for point in points]


def _nearest(branches: Iterable[dict[_K, _V]], distance: Callable[[_K], float]) -> list[_V]:
    """What lies at the shortest distance; nothing at an infinite one."""
    far = [(distance(key), value) for branch in branches for key, value in branch.items()]
    shortest = min((each for each, _ in far), default=inf)
    return [value for each, value in far if each == shortest] if shortest < inf else []


def _size_distance(asked: CellFacts, there: _Quant) -> float:
    """How unlike two quants are by size; infinite where that is not known."""
    quant, size = there
    if asked.quant == quant:
        return 0.0
    return abs(log(asked.size_bytes / size)) if asked.size_bytes and size else inf


def _by_size(quantity: str, asked: CellFacts, there: CellFacts) -> float:
    """Factor for a file of another size."""
    if asked.quant == there.quant or not asked.size_bytes or not there.size_bytes:
        return 1.0
    larger = asked.size_bytes / there.size_bytes
    return {"tg_tok_s": 1 / larger, "load_ms": larger}.get(quantity, 1.0)


def _token_seconds(workload: Workload, tg: float | None, pp: float | None) -> float | None:
    """Seconds that the tokens of a workload take at these speeds."""
    if not (tg and pp) or workload.prompt_tokens is None or workload.generated_tokens is None:
        return None
    return workload.prompt_tokens / pp + workload.generated_tokens / tg


def _told(asked: CellFacts, points: list[_Point]) -> str:
    """The cells that a value is from, in few words."""
    there = points[0][1].facts
    words = [there.quant] if there.quant != asked.quant else []
    caches = f"{there.cache_k}/{there.cache_v}"
    if (there.context, caches) != (asked.context, f"{asked.cache_k}/{asked.cache_v}"):
        words.append(f"{there.context} {caches}")
    return ", ".join([*words, f"{len(points)} measured"])
