"""The configuration room: Hydra composes here, typed dataclasses leave it."""

from orchestrator.config.compose import Composer, hydra_session, load_catalogue
from orchestrator.config.overrides import axis_values, expand_quants, split_overrides
from orchestrator.config.schema import GROUPS, FleetConfig, HerdConfig, PlanConfig

__all__ = [
    "GROUPS",
    "Composer",
    "FleetConfig",
    "HerdConfig",
    "PlanConfig",
    "axis_values",
    "expand_quants",
    "hydra_session",
    "load_catalogue",
    "split_overrides",
]
