from orchestrator.waiting import Waiting


def test_hosts_have_their_time_to_come_back_from_when_nothing_else_is_left() -> None:
    waiting = Waiting(rejoin_s=60.0)

    def over(now_s: float, *, stuck: bool = True) -> bool:
        return waiting.is_over(stuck=stuck, coming=(), hopeless=False, now_s=now_s)

    assert [over(0), over(59), over(61, stuck=False), over(70), over(129)] == [False] * 5
    assert over(131)


def test_a_worker_that_does_not_start_is_not_waited_for_unless_another_host_comes() -> None:
    waiting = Waiting(rejoin_s=60.0)
    assert not waiting.is_over(stuck=True, coming=("b",), hopeless=True, now_s=0.0)
    assert waiting.is_over(stuck=True, coming=(), hopeless=True, now_s=1.0)


def test_a_sweep_that_waits_for_nodes_never_gives_up() -> None:
    waiting = Waiting(rejoin_s=60.0, for_nodes=True)
    assert not any(
        waiting.is_over(stuck=True, coming=(), hopeless=False, now_s=s) for s in (0.0, 1e6)
    )
