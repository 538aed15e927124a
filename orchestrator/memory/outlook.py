"""What a plan expects of the memory of its launches: prediction, verdict, resolved values. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from orchestrator.memory.compute import History, MeasuredLaunch, relevant
from orchestrator.memory.predict import (
    Prediction,
    Verdict,
    largest_context,
    predict,
    smallest_n_cpu_moe,
    verdict,
)
from orchestrator.memory.server import ServerShape
from workers.models.shape import ModelShape


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is expected of a launch's memory."""

    prediction: Prediction
    verdict: Verdict
    free_mib: Mapping[str, float]
    """What was free when it was planned, by device; a device without a figure is left out."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a launch is to run, as far as memory goes."""

    engine_build: str
    """The engine's hash: what tells builds apart."""
    hardware_class: str
    free_mib: Mapping[str, float]
    margin_mib: float
    """What has to stay free on each device."""


class Memory:
    """Predicts from one history; the same history and launch give the same outlook."""

    def __init__(self, launches: Iterable[MeasuredLaunch] = ()) -> None:
        self._launches = tuple(launches)
        self._relevant: dict[tuple[str, str, str], History] = {}
        self._predicted: dict[tuple[ModelShape, History, ServerShape], Prediction] = {}

    def outlook(self, shape: ModelShape, server: ServerShape, place: Place) -> Outlook:
        """Of a launch of this configuration there.

        Raises:
            ConfigError: A cache type that llama-server does not have.
        """
        prediction = self._predict(shape, server, self._history(shape, place))
        found = verdict(prediction, place.free_mib, place.margin_mib)
        return Outlook(prediction, found, place.free_mib)

    def n_cpu_moe(self, shape: ModelShape, server: ServerShape, place: Place) -> int | None:
        """As `predict.smallest_n_cpu_moe`."""
        history = self._history(shape, place)
        return smallest_n_cpu_moe(shape, server, place.free_mib, place.margin_mib, history)

    def largest_context(
        self, shape: ModelShape, server: ServerShape, place: Place, granularity: int
    ) -> int | None:
        """As `predict.largest_context`."""
        return largest_context(
            shape,
            server,
            place.free_mib,
            place.margin_mib,
            self._history(shape, place),
            granularity=granularity,
        )

    def _predict(self, shape: ModelShape, server: ServerShape, history: History) -> Prediction:
        """Classes of hosts that have no history of their own share predictions."""
        key = shape, history, server
        if key not in self._predicted:
            self._predicted[key] = predict(shape, server, history)
        return self._predicted[key]

    def _history(self, shape: ModelShape, place: Place) -> History:
        key = shape.digest, place.engine_build, place.hardware_class
        if key not in self._relevant:
            self._relevant[key] = relevant(self._launches, shape, *key[1:])
        return self._relevant[key]
