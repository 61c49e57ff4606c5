"""A worker turns crashes and hangs into answers, and goes on."""

from functools import partial
from pkgutil import resolve_name

import pytest
from workers import Died, Killed, Worker, WorkerError


@pytest.fixture
def worker():
    worker = Worker(partial(resolve_name, "builtins:eval"))
    yield worker
    worker.stop()


def test_answers_crashes_and_goes_on(worker):
    assert worker.ask("1 + 1", 10.0) == 2
    assert worker.ask("__import__('os')._exit(3)", 10.0) == Died(3)
    died = worker.ask("__import__('signal').raise_signal(11)", 10.0)
    assert isinstance(died, Died)
    assert str(died) == "process died of SIGSEGV"
    assert worker.ask("2 + 2", 10.0) == 4
    assert worker.restarts == 2


def test_a_busy_hang_is_killed(worker):
    assert worker.ask("all(True for _ in iter(int, 1))", 0.3) == Killed(0.3)
    assert worker.ask("3", 10.0) == 3


def test_a_sleeping_hang_is_killed(worker):
    assert worker.ask("__import__('time').sleep(1000)", 0.1) == Killed(0.1)


def test_a_handler_that_cannot_be_built_is_an_error():
    worker = Worker(partial(resolve_name, "builtins:no_such_name"))
    with pytest.raises(WorkerError, match="no_such_name"):
        worker.start()
