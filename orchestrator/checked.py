"""What `herd doctor` and `herd node add` check a host for, out of the configuration."""

from dataclasses import replace

from orchestrator.config import HerdConfig
from workers.doctor import Checked


def checked_on_node(config: HerdConfig) -> Checked:
    """What a node is to be ready for."""
    quant = config.quant or config.model.default_quant or ""
    return Checked(config.engine, config.model, quant, config.model_store)


def checked_here(config: HerdConfig) -> Checked:
    """What this host is to be ready for: it writes the warehouse too."""
    return replace(checked_on_node(config), warehouse=config.warehouse.uri)
