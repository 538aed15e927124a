"""The matrix: from a preset's axes and the command line's to the points of a sweep. Pure.

A block is a mapping with any of

    product:  {key: values, ...}       every combination
    zip:      {key: values, ...}       values side by side, all lists of one length
    union:    [block, ...]             the points of each block, one after the other
    when:     [{match: {key: value or values}, ...block...}, ...]
                                       more axes for the points that match
    exclude:  [{key: value or values}, ...]
                                       points that match any of these are dropped

Blocks nest; what is said further inside wins for its key. An axis on the command line
replaces the values of that key wherever the matrix has it; a key that the matrix has not
multiplies all points.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice, product

from orchestrator.config.limits import MAX_CELLS
from warehouse.errors import ConfigError

Point = Mapping[str, object]
"""Override key to value, in the order of the axes."""

ValuesOf = Callable[[str, object], tuple[object, ...]]
"""From what a preset has behind a key to the values of the axis."""

_KEYS = {"product", "zip", "union", "when", "exclude"}


def expand(
    matrix: Mapping[str, object],
    axes: Mapping[str, tuple[object, ...]],
    pinned: Mapping[str, object],
    values_of: ValuesOf,
) -> list[dict[str, object]]:
    """Every distinct point of the matrix, in order.

    Args:
        matrix: the outermost block.
        axes: axes of the command line.
        pinned: single values of the command line; they narrow the matrix, nothing more.
        values_of: values of an axis as a preset writes it.

    Raises:
        ConfigError: a malformed block, an empty matrix, more than `MAX_CELLS` points.
    """
    in_matrix: set[str] = set()

    def narrowed(key: str, value: object) -> tuple[object, ...]:
        in_matrix.add(key)
        if key in axes:
            return axes[key]
        return (pinned[key],) if key in pinned else values_of(key, value)

    inside = _capped(_points(matrix, {}, narrowed))
    multiplied = {key: values for key, values in axes.items() if key not in in_matrix}
    points = _capped({**outer, **point} for point in inside for outer in _product(multiplied))
    distinct = {tuple(sorted((k, repr(v)) for k, v in p.items())): p for p in points}
    if not distinct:
        raise ConfigError("the matrix is empty: an axis has no values, or all points are excluded")
    return list(distinct.values())


def _points(block: object, outer: Point, values_of: ValuesOf) -> Iterator[dict[str, object]]:
    checked = _checked(block)
    products = _axes(checked.get("product"), "product", values_of)
    zipped = _zip(_axes(checked.get("zip"), "zip", values_of))
    unions = _list(checked.get("union"), "union")
    # no itertools.product: it would hold all combinations before the cap counts the first
    for combination, row in ((c, r) for c in _product(products) for r in zipped):
        point = {**outer, **combination, **row}
        inner = (p for b in unions for p in _points(b, point, values_of)) if unions else [point]
        for candidate in inner:
            yield from _ruled(candidate, checked, values_of)


def _ruled(
    point: dict[str, object], block: Mapping[str, object], values_of: ValuesOf
) -> Iterator[dict[str, object]]:
    points = [point]
    for rule in _list(block.get("when"), "when"):
        match, rest = _split_rule(rule)
        points = [
            q for p in points for q in (_points(rest, p, values_of) if _matches(p, match) else [p])
        ]
    excluded = [_mapping(e, "exclude") for e in _list(block.get("exclude"), "exclude")]
    yield from (p for p in points if not any(_matches(p, e) for e in excluded))


def _split_rule(rule: object) -> tuple[Mapping[str, object], Mapping[str, object]]:
    rest = dict(_mapping(rule, "when"))
    match = rest.pop("match", None)
    if match is None:
        raise ConfigError("matrix: each entry of 'when' needs 'match'")
    return _mapping(match, "match"), rest


def _matches(point: Point, condition: Mapping[str, object]) -> bool:
    return bool(condition) and all(
        key in point and str(point[key]) in [str(v) for v in _as_list(wanted)]
        for key, wanted in condition.items()
    )


def _product(axes: Mapping[str, tuple[object, ...]]) -> Iterator[dict[str, object]]:
    for values in product(*axes.values()):
        yield dict(zip(axes, values, strict=True))


def _zip(axes: Mapping[str, tuple[object, ...]]) -> list[dict[str, object]]:
    if not axes:
        return [{}]
    lengths = {key: len(values) for key, values in axes.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{key} has {n}" for key, n in lengths.items())
        raise ConfigError(f"matrix: the lists of a zip differ in length: {told}")
    return [dict(zip(axes, row, strict=True)) for row in zip(*axes.values(), strict=True)]


def _axes(block: object, where: str, values_of: ValuesOf) -> dict[str, tuple[object, ...]]:
    return {key: values_of(key, value) for key, value in _mapping(block or {}, where).items()}


def _checked(block: object) -> Mapping[str, object]:
    mapping = _mapping(block, "matrix")
    unknown = sorted(set(mapping) - _KEYS)
    if unknown:
        raise ConfigError(f"matrix: unknown key '{unknown[0]}'; known: {', '.join(sorted(_KEYS))}")
    return mapping


def _mapping(value: object, where: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise ConfigError(f"matrix: '{where}' wants a mapping of keys, not {value!r}")
    return value


def _list(value: object, where: str) -> Sequence[object]:
    if value is not None and not isinstance(value, list):
        raise ConfigError(f"matrix: '{where}' wants a list, not {value!r}")
    return value or []


def _as_list(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else [value]


def _capped(points: Iterable[dict[str, object]]) -> list[dict[str, object]]:
    taken = list(islice(points, MAX_CELLS + 1))
    if len(taken) > MAX_CELLS:
        raise ConfigError(f"the matrix has over {MAX_CELLS:,} cells: narrow an axis")
    return taken
