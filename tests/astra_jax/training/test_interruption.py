import os
import signal
import threading

import pytest

from astra_jax.training.interruption import EXIT_STATUS, Interrupted, StopRequests


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_asks_and_interrupts_nothing(number):
    with StopRequests() as stop:
        assert not stop.seen
        os.kill(os.getpid(), number)
        assert stop.seen


def test_a_second_ctrl_c_ends_at_once_and_a_second_sigterm_does_not():
    with StopRequests() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.seen
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_what_was_there_before_comes_back():
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    with StopRequests():
        pass
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before


def test_outside_the_main_thread_it_does_nothing():
    seen = []

    def work() -> None:
        with StopRequests() as stop:
            seen.append(stop.seen)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [False]


def test_an_interruption_says_where_and_the_status_is_that_of_sysexits():
    assert str(Interrupted(7)) == "stopped after step 7, which is saved; the same command goes on"
    assert EXIT_STATUS == 75
