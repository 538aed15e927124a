"""The sampler's parameters of an agent cell: each is pinned, none is left to the server."""

from collections.abc import Mapping
from pathlib import Path

from warehouse.errors import ModelError
from workers.agent.messages import Sampling
from workers.failures import CellFailed, Failure, FailureClass
from workers.models.header import read_header
from workers.workloads.agent.config import MODEL, AgentConfig

GREEDY_VALUES: Mapping[str, float] = {
    "temperature": 0.0,
    "top_k": 1,
    "top_p": 1.0,
    "min_p": 0.0,
    "repeat_penalty": 1.0,
    "presence_penalty": 0.0,
}
NEUTRAL: Mapping[str, float] = {
    "top_k": 0,
    "top_p": 1.0,
    "min_p": 0.0,
    "repeat_penalty": 1.0,
    "presence_penalty": 0.0,
}
"""What a recommendation that is silent on a parameter leaves it at: it does nothing."""
_IN_HEADER = {
    "general.sampling.temp": "temperature",
    "general.sampling.top_k": "top_k",
    "general.sampling.top_p": "top_p",
    "general.sampling.min_p": "min_p",
    "general.sampling.penalty_repeat": "repeat_penalty",
}


def sampling_of(config: AgentConfig, header: Mapping[str, object]) -> Sampling:
    """The parameters: as configured, else by the preset.

    Args:
        config: of the workload; what the catalogue recommends is in it already.
        header: metadata of the model's file, for the preset `model`.

    Raises:
        CellFailed: the preset is `model`, and nobody recommends a temperature (`bad_args`).
    """
    preset = dict(GREEDY_VALUES)
    if config.sampling == MODEL:
        preset = {**NEUTRAL, **recommended(header)}
    own = {name: getattr(config, name) for name in GREEDY_VALUES}
    found = preset | {name: value for name, value in own.items() if value is not None}
    if "temperature" not in found:
        text = (
            "workload.sampling=model: neither the catalogue nor the file's header recommends a "
            "temperature: write workload.temperature=... or workload.sampling=greedy"
        )
        raise CellFailed(Failure(FailureClass.BAD_ARGS, text))
    return Sampling(
        temperature=float(found["temperature"]),
        top_k=int(found["top_k"]),
        top_p=float(found["top_p"]),
        min_p=float(found["min_p"]),
        repeat_penalty=float(found["repeat_penalty"]),
        presence_penalty=float(found["presence_penalty"]),
    )


def recommended(header: Mapping[str, object]) -> dict[str, float]:
    """What the header of a model's file recommends."""
    return {
        name: float(value)
        for key, name in _IN_HEADER.items()
        if isinstance(value := header.get(key), int | float)
    }


def sampling_for(config: AgentConfig, model: Path) -> Sampling:
    """As `sampling_of`, with the file's header read where it is needed.

    Raises:
        CellFailed: nobody recommends a temperature (`bad_args`), or the header cannot be read.
    """
    if config.sampling != MODEL:
        return sampling_of(config, {})
    try:
        return sampling_of(config, read_header(model).metadata.values)
    except ModelError as error:
        raise CellFailed(Failure(FailureClass.BAD_MODEL, str(error))) from error
