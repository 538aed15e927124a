import threading

from workers.cancel import when_cancelled


def test_acts_until_the_block_is_left() -> None:
    cancelled, twice = threading.Event(), threading.Event()
    calls: list[int] = []

    def act() -> None:
        calls.append(1)
        if len(calls) == 2:
            twice.set()

    with when_cancelled(cancelled, act):
        assert calls == []
        cancelled.set()
        assert twice.wait(5)
    seen = len(calls)
    assert "cancel" not in {thread.name for thread in threading.enumerate()}
    assert len(calls) == seen


def test_does_nothing_otherwise() -> None:
    calls: list[int] = []
    with when_cancelled(threading.Event(), lambda: calls.append(1)):
        pass
    assert calls == []
