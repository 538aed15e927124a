"""Overrides as typed: Hydra's grammar, told apart into fixed values and axes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from hydra._internal.hydra import Hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import (
    ChoiceSweep,
    Glob,
    Override,
    QuotedString,
    RangeSweep,
)
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from orchestrator.config.limits import MAX_CELLS
from orchestrator.config.schema import GROUPS
from warehouse.errors import ConfigError

PRESETS = "sweep"


@dataclass(frozen=True)
class Overrides:
    """What was typed after the verb, told apart."""

    fixed: tuple[tuple[str, str], ...]
    """Overrides that hold for every cell: key and the override as typed."""
    pinned: Mapping[str, object]
    """The single values among them, by key: they narrow a preset's matrix."""
    axes: Mapping[str, tuple[object, ...]]
    """Axes: key to values (a `Glob` over quants stays one value)."""
    preset: str | None
    """Name of the preset, from `+sweep=NAME`."""


def split_overrides(hydra: Hydra, typed: Sequence[str]) -> Overrides:
    """Parse overrides in Hydra's grammar and tell axes from fixed values.

    Raises:
        ConfigError: bad grammar, an axis without values, `+key` other than `+sweep`.
    """
    parsed = [_parsed(hydra, override) for override in typed]
    fixed: list[tuple[str, str]] = []
    pinned: dict[str, object] = {}
    axes: dict[str, tuple[object, ...]] = {}
    preset = None
    for override in parsed:
        key = override.key_or_group
        _check_addition(override)
        if override.is_sweep_override():
            axes[key] = _axis_values(override)
            continue
        fixed.append((key, str(override.input_line)))
        if key == PRESETS:
            preset = str(override.value())
        elif not override.is_add() and not override.is_delete():
            (pinned[key],) = _flat(override, override.value())
    return Overrides(tuple(fixed), pinned, axes, preset)


def _parsed(hydra: Hydra, typed: str) -> Override:
    try:
        parser = OverridesParser.create(config_loader=hydra.config_loader)
        override = parser.parse_override(typed)
    except (HydraException, OmegaConfBaseException, ValueError) as error:
        raise ConfigError(f"cannot read '{typed}': write KEY=VALUE, as Hydra does") from error
    is_choice = override.key_or_group in GROUPS and not override.is_sweep_override()
    if is_choice and not isinstance(override.value(), str | QuotedString):
        raise ConfigError(f"{typed}: names a file of conf/{override.key_or_group}")
    return override


def axis_values(hydra: Hydra, key: str, value: object) -> tuple[object, ...]:
    """Values of an axis in a preset's matrix: a list, a scalar, or a string in Hydra's grammar."""
    if isinstance(value, list):
        return tuple(value)
    if not isinstance(value, str):
        return (value,)
    return split_overrides(hydra, [f"{key}={value}"]).axes.get(key, (value,))


def _check_addition(override: Override) -> None:
    key = override.key_or_group
    if override.is_sweep_override() and key == PRESETS:
        raise ConfigError("one preset at a time: +sweep=NAME")
    if key == PRESETS and not override.is_add():
        raise ConfigError(f"a preset is added: write +{PRESETS}={override.value()}")
    if override.is_add() and key != PRESETS and "." not in key:
        raise ConfigError(f"unknown key '{key}': + is for +{PRESETS}=NAME and for new dict entries")


def _axis_values(override: Override) -> tuple[object, ...]:
    values = tuple(_flat(override, override.value()))
    if not values:
        raise ConfigError(f"the axis '{override.input_line}' has no values")
    return values


def _flat(override: Override, value: object) -> Iterator[object]:
    """Plain values: lists may hold ranges and globs, Hydra itself expands the outermost only."""
    key = override.key_or_group
    match value:
        case ChoiceSweep():
            for item in value.list:
                yield from _flat(override, item)
        case RangeSweep():
            yield from islice(value.range(), MAX_CELLS + 1)
        case Glob() if key in GROUPS:
            names = GlobalHydra.instance().config_loader().get_group_options(key, ObjectType.CONFIG)
            yield from (name for name in value.filter(names) if not name.endswith("_schema"))
        case Glob() if key != "quant":
            raise ConfigError(f"glob() is for quant and for {', '.join(GROUPS)}, not for '{key}'")
        case _:
            yield _unquoted(value)


def _unquoted(value: object) -> object:
    """Hydra keeps the quotes of a string, for later parsing that there is none of here."""
    match value:
        case QuotedString():
            return value.text
        case list():
            return [_unquoted(item) for item in value]
        case dict():
            return {_unquoted(key): _unquoted(item) for key, item in value.items()}
        case _:
            return value


def expand_quants(glob: Glob, quants: Iterable[str]) -> tuple[str, ...]:
    """Quants that a `glob()` names, in the catalogue's order."""
    return tuple(glob.filter(list(quants)))
