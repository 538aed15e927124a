"""The gate before a cell: its GPUs are to be as cool as they were, up to a limit."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from workers.disturbance import holds_back
from workers.gpu import GpuSample, Nvml
from workers.measure import MeasureConfig

LOOK_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class CoolDown:
    """How a wait for cool GPUs ended."""

    waited_s: float
    cooled: bool
    """False: the limit came first."""


def is_cool(sample: GpuSample, lowest_c: float | None, margin_c: float) -> bool:
    """Whether a GPU is back near its lowest temperature, with nothing holding it back.

    A card that tells neither counts as cool.
    """
    hot = (
        sample.temperature_c is not None
        and lowest_c is not None
        and sample.temperature_c > lowest_c + margin_c
    )
    return not hot and not holds_back(sample.throttle_reasons or ())


def cool_down(
    nvml: Nvml, uuids: Sequence[str], config: MeasureConfig, cancelled: threading.Event
) -> CoolDown | None:
    """Wait until these GPUs are cool, for at most `cool_down_s`; None without GPUs or limit."""
    if not uuids or not config.cool_down_s:
        return None
    began_s = time.monotonic()
    while True:
        cool = all(
            is_cool(nvml.sample(u), nvml.lowest_temperature_c(u), config.cool_down_margin_c)
            for u in uuids
        )
        waited_s = time.monotonic() - began_s
        if cool or waited_s >= config.cool_down_s or cancelled.wait(LOOK_EVERY_S):
            return CoolDown(waited_s, cool)
