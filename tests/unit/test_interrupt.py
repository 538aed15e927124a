import signal
from signal import SIGINT, SIGTERM

import pytest

from orchestrator.interrupt import Interrupts


@pytest.mark.parametrize("sent", [SIGINT, SIGTERM])
def test_the_first_signal_is_noted_and_the_second_interrupts(sent: signal.Signals) -> None:
    interrupts = Interrupts()
    with interrupts.caught():
        assert not interrupts.asked
        signal.raise_signal(sent)
        assert interrupts.asked
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(sent)


def test_both_signals_count_together_and_later_ones_disturb_no_cleaning_up() -> None:
    interrupts = Interrupts()
    with interrupts.caught():
        signal.raise_signal(SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(SIGINT)
        signal.raise_signal(SIGINT)
        signal.raise_signal(SIGTERM)
        assert interrupts.asked


def test_the_handlers_from_before_are_back_at_the_end() -> None:
    before = {number: signal.getsignal(number) for number in (SIGINT, SIGTERM)}
    with Interrupts().caught():
        assert signal.getsignal(SIGINT) != before[SIGINT]
        signal.raise_signal(SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(SIGINT)
    assert {number: signal.getsignal(number) for number in (SIGINT, SIGTERM)} == before
