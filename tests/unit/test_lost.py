"""Texts as Ray 2.60 gives them, addresses and ids changed."""

from orchestrator.fleet.lost import lost_reason

KILLED = (
    "The actor died unexpectedly before finishing this task.\n\tclass_name: HostWorker\n"
    "\tactor_id: 0861e040a7234ecd5d9bb90701000000\n\tpid: 30884\n"
    "\tnamespace: 2c44c2e2-bcf4-489a-b1e2-6c463d5ceefe\n\tip: 192.0.2.2\n"
    "The actor is dead because its worker process has died. Worker exit type: SYSTEM_ERROR "
    "Worker exit detail: Worker unexpectedly exits with a connection error code 2. End of file. "
    "Some common causes include: (1) the process was killed by the OOM killer due to high memory "
    "usage, (2) ray stop --force was called, or (3) the worker crashed unexpectedly"
)
INTENDED = (
    "The actor died unexpectedly before finishing this task.\n\tclass_name: HostWorker\n"
    "\tactor_id: 0861\n\tpid: 7\nThe actor is dead because its worker process has died. "
    "Worker exit type: INTENDED_SYSTEM_EXIT Worker exit detail: Worker exits by memory pressure: "
    "used 61 of 62 GB. There are some potential root causes. (1) something long"
)
NODE = (
    "The actor died unexpectedly before finishing this task.\n\tclass_name: HostWorker\n"
    "\tactor_id: 0861\n\tip: 192.0.2.2\nThe actor died because its node has died. "
    "Node Id: 078c32cd\n\tthe actor's node was terminated unexpectedly: "
    "health check failed due to missing too many heartbeats"
)


def test_a_killed_worker() -> None:
    assert lost_reason(KILLED) == (
        "the worker (pid 30884) was killed, by somebody or by the kernel for want of memory "
        "(dmesg tells), or it crashed"
    )


def test_what_ray_knows_better_is_kept_without_its_advice() -> None:
    assert lost_reason(INTENDED) == (
        "the worker (pid 7) is gone: Worker exits by memory pressure: used 61 of 62 GB."
    )


def test_a_dead_node() -> None:
    reason = lost_reason(NODE)
    assert reason.startswith("the worker is gone: The actor died because its node has died.")
    assert reason.endswith("missing too many heartbeats")
    assert "class_name" not in reason
    assert len(reason.splitlines()) == 1


def test_an_unknown_text_is_kept() -> None:
    assert lost_reason("something new") == "the worker is gone: something new"
