"""The calibration of the host that is nearest to what is compared. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from orchestrator.comparing.points import Launched
from orchestrator.launch_speeds import LaunchSpeeds
from warehouse.comparison import Noise, Side


@dataclass(frozen=True, slots=True)
class CalibratedStep:
    """A row of the view `noise`, as far as it is needed here."""

    host_id: str
    engine_sha256: str | None
    server_id: str
    metric: str
    step: str
    depth: int
    between_sd_pct: float
    launches: int


def sides(a: Launched, b: Launched, known: Sequence[CalibratedStep]) -> tuple[Side, Side]:
    """Both sides' speeds, with the noise of their hosts."""
    servers = {a[0].server_id, b[0].server_id}
    return (
        Side([each.speeds for each in a], nearest_noise(a[0], servers, known)),
        Side([each.speeds for each in b], nearest_noise(b[0], servers, known)),
    )


def nearest_noise(
    each: LaunchSpeeds, servers: set[str], known: Iterable[CalibratedStep]
) -> Noise | None:
    """The calibration of the host that is nearest: the same step, depth and build, if there is.

    One whose launches are a side themselves adds nothing to them: it has no degrees of freedom.
    """
    usable = [c for c in known if c.host_id == each.host_id and c.metric == each.kind]
    if not usable:
        return None

    def nearness(step: CalibratedStep) -> tuple[bool, bool, bool]:
        same_build = step.engine_sha256 == each.engine_sha256
        return same_build, step.step == each.step, step.depth == each.depth

    best = max(usable, key=nearness)
    if best.server_id in servers:
        return Noise(each.host_id, 0.0, 0)
    return Noise(each.host_id, best.between_sd_pct, best.launches - 1)
