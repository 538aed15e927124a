"""Settings for verbs that take no sweep: the configuration without axes."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from warehouse.config import WarehouseConfig
from warehouse.storage import Storage, storage_at

if TYPE_CHECKING:
    from orchestrator.config import HerdConfig

WAREHOUSE_VARIABLE = "HERD_WAREHOUSE"
"""Wins over `warehouse.uri` of any file."""


def configuration(overrides: Sequence[str], config_dir: Path | None) -> "HerdConfig":
    """The configuration without axes.

    Raises:
        ConfigError: the command or its configuration is wrong.
    """
    # Hydra takes a third of a second to load, and who names the warehouse needs none of it
    from orchestrator.config import Composer, split_overrides
    from orchestrator.config.compose import hydra_session

    with hydra_session(config_dir) as hydra:
        return Composer(split_overrides(hydra, overrides).fixed).base()


def warehouse_config(config_dir: Path | None) -> WarehouseConfig:
    """The config of the warehouse, for verbs that take no overrides.

    Raises:
        ConfigError: the configuration is wrong.
    """
    if config_dir is None and not Path("conf").is_dir():
        config = WarehouseConfig()  # what the shipped file says
    else:
        config = configuration((), config_dir).warehouse
    return replace(config, uri=os.environ.get(WAREHOUSE_VARIABLE) or config.uri)


def warehouse_storage(config_dir: Path | None) -> Storage:
    """Where the warehouse lies, for verbs that take no overrides.

    Raises:
        ConfigError: the configuration is wrong.
    """
    named = os.environ.get(WAREHOUSE_VARIABLE)
    return storage_at(named or warehouse_config(config_dir).uri)
