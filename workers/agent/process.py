"""The process of an agent cell: `python -m workers.agent.process`, its request on standard input.

It alone imports Inspect: Ray's processes never do. It dies with the worker that started it, and
takes along what it started. What it finds goes out in lines (`messages`) as runs end.
"""

import importlib.util
import sys
from typing import TYPE_CHECKING

from workers.agent.messages import LOST, AgentRequest, Finished, Stopped, request_of
from workers.agent.speaking import Speaker
from workers.engine.stream import ConnectionLost
from workers.failures import CellFailed, FailureClass

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog

_NEEDED = ("inspect_ai", "openai", "playwright", "jsonschema")
_HOW = (
    "this host lacks {}: install what herd's extra `agent` has (inspect-ai, openai, playwright, "
    "jsonschema) for {}"
)


def main() -> None:
    """Run what the request says."""
    speaker = Speaker()
    request = request_of(sys.stdin.buffer.read())
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        speaker.say(
            Stopped(
                FailureClass.ENGINE_MISSING.value, _HOW.format(", ".join(missing), sys.executable)
            )
        )
        return
    try:
        speaker.say(_evaluate(request, speaker))
    except CellFailed as error:
        speaker.say(Stopped(error.failure.failure_class.value, error.failure.reason))
    except ConnectionLost as error:
        speaker.say(Stopped(LOST, str(error)))


def _evaluate(request: AgentRequest, speaker: Speaker) -> Finished | Stopped:
    # here and not above: seconds, and an extra that may be missing
    from workers.agent.any_suite import AnySuite
    from workers.agent.evaluation import Means
    from workers.agent.served_model import served_model
    from workers.engine.client import Client
    from workers.workloads.agent.config import HERD

    model = served_model(request)
    with Client(
        request.base_url, request.api_key, request_timeout_s=request.request_timeout_s
    ) as client:
        means = Means(request, client, speaker.say)
        if request.suite != HERD:
            return _ended(AnySuite(means).evaluate(model))
        from workers.agent.herd_suite import HerdSuite
        from workers.agent.hosts import Host

        host = Host(live=request.live)
        try:
            return _ended(HerdSuite(means, host).evaluate(model))
        finally:
            host.close()


def _ended(log: "EvalLog | None") -> Finished | Stopped:
    if log is None or log.status == "success":
        return Finished(log.location if log else None)
    said = log.error.message if log.error else log.status
    return Stopped(FailureClass.CRASH.value, f"Inspect: {said.splitlines()[0]}")


if __name__ == "__main__":
    main()
