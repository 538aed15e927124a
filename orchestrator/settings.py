"""Settings for verbs that take no sweep: the configuration without axes."""

from collections.abc import Sequence
from pathlib import Path

from orchestrator.config import Composer, HerdConfig, split_overrides
from orchestrator.config.compose import hydra_session


def configuration(overrides: Sequence[str], config_dir: Path | None) -> HerdConfig:
    """The configuration without axes.

    Raises:
        ConfigError: the command or its configuration is wrong.
    """
    with hydra_session(config_dir) as hydra:
        return Composer(split_overrides(hydra, overrides).fixed).base()


def warehouse_root(config_dir: Path | None) -> Path:
    """The warehouse's folder, for verbs that take no overrides.

    Raises:
        ConfigError: the configuration is wrong.
    """
    return Path(configuration((), config_dir).warehouse.uri).expanduser()
