"""Cells of agent tasks: what is wrong with their configuration, and what the plan fills in."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

from warehouse.errors import ConfigError
from workers.engine.config import EngineConfig
from workers.models.config import ModelConfig
from workers.workloads.agent.config import GREEDY, HERD, MODEL, THINKING, AgentConfig

LEVELS = ("L0", "L1", "L2", "L3", "L4")
_VERSION_DIGITS = 12


def checked_agent(config: AgentConfig, model: ModelConfig, engine: EngineConfig) -> AgentConfig:
    """The configuration as it enters the cell's identity.

    Raises:
        ConfigError: a value is unknown, or does not go with the others.
    """
    _check(config, engine)
    version = _suite_version(config)
    level = config.level if config.suite == HERD else ""
    found = replace(config, suite_version=version, level=level)
    return _recommended(found, model) if config.sampling == MODEL else found


def _check(config: AgentConfig, engine: EngineConfig) -> None:
    wrong = (
        (config.sampling not in (GREEDY, MODEL), f"sampling={config.sampling}: greedy or model"),
        (config.thinking not in THINKING, f"thinking={config.thinking}: on, off or model"),
        (config.tries < 1, f"tries={config.tries}: 1 or more"),
        (config.variants < 1, f"variants={config.variants}: 1 or more"),
        (config.turn_tokens < 1, f"turn_tokens={config.turn_tokens}: 1 or more"),
        (config.time_s <= 0, f"time_s={config.time_s:g}: more than 0"),
        (config.filler_depth < 0, f"filler_depth={config.filler_depth}: 0 or more"),
        (
            config.filler_depth > 0 and config.sessions > 1,
            "filler_depth goes with sessions=1: it is restored into one slot",
        ),
        (
            config.sessions != (engine.parallel or 1),
            f"sessions={config.sessions}: engine.parallel={engine.parallel} has to be the same",
        ),
        (
            config.suite != HERD and config.filler_depth > 0,
            "filler_depth goes with the suite of herd only",
        ),
        (config.live and config.suite != HERD, "live goes with the suite of herd only"),
    )
    for is_wrong, text in wrong:
        if is_wrong:
            raise ConfigError(f"workload.{text}")
    if config.suite == HERD:
        _check_tasks(config)


def _check_tasks(config: AgentConfig) -> None:
    if config.level not in LEVELS:
        raise ConfigError(f"workload.level={config.level}: one of {', '.join(LEVELS)}")
    tasks = _tasks()
    names = {task.name for task in tasks.values() if task.level == config.level}
    if unknown := sorted(set(config.tasks) - names):
        raise ConfigError(
            f"workload.tasks: {config.level} has no {', '.join(unknown)}; there are: "
            f"{', '.join(sorted(names))}"
        )


def _suite_version(config: AgentConfig) -> str | None:
    """What herd gives its own; of a file that is a task of Inspect, the hash of its text."""
    if config.suite == HERD:
        from workers.agent.suite.catalogue import SUITE_VERSION

        return str(SUITE_VERSION)
    path, _, task = config.suite.partition("@")
    if not path.endswith(".py"):
        return config.suite_version
    if not task or not Path(path).is_absolute() or not Path(path).is_file():
        raise ConfigError(
            f"workload.suite={config.suite}: write /whole/path.py@task of a file that is there"
        )
    content = Path(path).read_bytes()
    return config.suite_version or hashlib.sha256(content).hexdigest()[:_VERSION_DIGITS]


def _tasks() -> Any:
    # plain Python, but of no use to other workloads: a plan of theirs need not read it
    from workers.agent.suite.catalogue import TASKS

    return TASKS


def _recommended(config: AgentConfig, model: ModelConfig) -> AgentConfig:
    """With what the catalogue recommends, where nothing else is asked for."""
    own = {
        name: (int(value) if name == "top_k" else float(value))
        for name, value in model.sampling.items()
        if getattr(config, name) is None
    }
    changed: dict[str, Any] = dict(own)
    return replace(config, **changed)
