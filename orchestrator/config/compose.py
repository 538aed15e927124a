"""Hydra's compose API and override grammar, and from there to typed configs.

Not `--multirun`: it composes each job twice (29 s for 200 cells), keys results by job number
and writes folders of its own (shared/reference/ray.md, section 6).
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass, replace
from importlib.resources import files
from itertools import takewhile
from pathlib import Path
from typing import Any

from hydra import compose
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.types import (
    Glob,
)
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from orchestrator.config.schema import GROUPS, HerdConfig, register_schemas
from orchestrator.settings import WAREHOUSE_VARIABLE
from warehouse.errors import ConfigError
from workers.models.config import ModelConfig

ROOT = "herd"


def shipped_config_dir() -> Path:
    """The `conf` folder of the installed package, or of the checkout it runs from."""
    installed = Path(str(files("orchestrator"))) / "conf"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "conf"


@contextmanager
def hydra_session(config_dir: Path | None) -> Iterator[Hydra]:
    """Hydra with the user's folder first and the shipped one behind it.

    Raises:
        ConfigError: `config_dir` is given and is no folder.
    """
    if config_dir is not None and not config_dir.is_dir():
        raise ConfigError(f"--config-dir {config_dir} is not a folder")
    user = config_dir or Path("conf")
    shipped = shipped_config_dir()
    search_path = create_config_search_path(str(user.resolve()) if user.is_dir() else None)
    if not user.is_dir() or user.resolve() != shipped.resolve():
        # the structured schemas have to stay last
        search_path.prepend("herd", f"file://{shipped.resolve()}", anchor="schema")
    GlobalHydra.instance().clear()
    register_schemas()
    try:
        yield Hydra.create_main_hydra2(task_name=ROOT, config_search_path=search_path)
    finally:
        GlobalHydra.instance().clear()


class Composer:
    """Composes typed configs: once per combination of groups, then cheaply per cell.

    Composition takes some 30 ms; a plain value on top of it some 50 us.
    """

    def __init__(self, fixed: Sequence[tuple[str, str]]) -> None:
        self._fixed = _with_environment(fixed)
        self._composed: dict[tuple[str, ...], tuple[DictConfig, HerdConfig]] = {}
        self._values: dict[tuple[tuple[str, ...], str, object], object] = {}

    def base(self) -> HerdConfig:
        """The configuration without any axis applied."""
        return self._compose(())[1]

    def cell(self, point: Mapping[str, object]) -> HerdConfig:
        """The configuration of one point of the matrix.

        Raises:
            ConfigError: unknown key, group member or a value of the wrong type.
        """
        groups = tuple(f"{key}={value}" for key, value in point.items() if key in GROUPS)
        node, config = self._compose(groups)
        for key, value in point.items():
            if key not in GROUPS and not isinstance(value, Glob):
                config = _replaced(config, key.split("."), self._typed(groups, node, key, value))
        return config

    def _compose(self, groups: tuple[str, ...]) -> tuple[DictConfig, HerdConfig]:
        if groups not in self._composed:
            chosen = {group.partition("=")[0] for group in groups}
            kept = [override for key, override in self._fixed if key not in chosen]
            node = _compose([*kept, *groups])
            self._composed[groups] = node, _to_typed(node)
        return self._composed[groups]

    def _typed(self, groups: tuple[str, ...], node: DictConfig, key: str, value: object) -> object:
        """The value as the schema wants it: set on the node once, read back, put back."""
        memo = (groups, key, value if not isinstance(value, (list, dict)) else repr(value))
        if memo not in self._values:
            try:
                before = OmegaConf.select(node, key, throw_on_missing=True)
                OmegaConf.update(node, key, value, merge=False)
                after = OmegaConf.select(node, key)
                OmegaConf.update(node, key, before, merge=False)
            except OmegaConfBaseException as error:
                raise ConfigError(f"{key}={value}: {_first_line(error)}") from error
            is_node = OmegaConf.is_config(after)
            self._values[memo] = OmegaConf.to_object(after) if is_node else after
        return self._values[memo]


def load_catalogue(config_dir: Path | None = None) -> dict[str, ModelConfig]:
    """Every model of the catalogue, by name of its file in `conf/model`."""
    with hydra_session(config_dir) as hydra:
        names = hydra.config_loader.get_group_options("model")
        catalogue: dict[str, ModelConfig] = {}
        for name in sorted(set(names) - {"model_schema"}):
            # the entry alone: with the whole configuration around it each takes 0.2 s
            catalogue[name] = _to_typed(_compose((), f"model/{name}").model)
    return catalogue


def _compose(overrides: Sequence[str], config: str = ROOT) -> DictConfig:
    try:
        return compose(config, list(overrides))
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(_first_line(error)) from error


def _to_typed(node: DictConfig) -> Any:
    """The dataclass that a node is composed of."""
    unknown = sorted(_unknown_keys(node))
    if unknown:
        raise ConfigError(f"unknown key '{unknown[0]}'")
    try:
        return OmegaConf.to_object(node)
    except OmegaConfBaseException as error:
        raise ConfigError(_first_line(error)) from error


def _unknown_keys(node: DictConfig, prefix: str = "") -> Iterator[str]:
    """Keys that a `+key` put into a structured node."""
    schema = OmegaConf.get_type(node)
    known = {item.name for item in fields(schema)} if is_dataclass(schema) else set(node)
    for key in map(str, node):
        if key not in known:
            yield f"{prefix}{key}"
        elif not OmegaConf.is_missing(node, key) and isinstance(node[key], DictConfig):
            yield from _unknown_keys(node[key], f"{prefix}{key}.")


def _replaced(config: Any, path: Sequence[str], value: object) -> Any:
    """A copy of nested dataclasses and dicts with one leaf changed."""
    name, rest = path[0], path[1:]
    old = config[name] if isinstance(config, dict) else getattr(config, name)
    new = _replaced(old, rest, value) if rest else value
    return {**config, name: new} if isinstance(config, dict) else replace(config, **{name: new})


def _with_environment(fixed: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The environment wins over every file, the command line over the environment."""
    uri = os.environ.get(WAREHOUSE_VARIABLE)
    key = "warehouse.uri"
    quoted = (uri or "").replace("'", "\\'")
    return [*([(key, f"{key}='{quoted}'")] if uri else []), *fixed]


def _first_line(error: BaseException) -> str:
    """The line of a Hydra error that says what is wrong, with the choices where it lists them."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    unknown = re.match(r"Could not override '(.+)'", lines[0]) if lines else None
    if unknown:
        return f"unknown key '{unknown[1]}'"
    cause = error.__cause__
    if cause is not None and "Error merging override" in lines[0]:
        return f"{lines[0]}: {_first_line(cause)}"
    if len(lines) > 2 and lines[1].startswith("Available options"):
        listed = takewhile(lambda line: not line.startswith("Config search"), lines[2:])
        choices = [name for name in listed if not name.endswith("_schema")]
        return f"{lines[0]}; there are: {', '.join(choices)}"
    if len(lines) > 1 and lines[0].endswith("raised while composing config:"):
        return f"{lines[0].partition(':')[0]}: {lines[1]}"
    return lines[0] if lines else type(error).__name__
