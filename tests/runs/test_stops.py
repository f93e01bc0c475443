"""Signals that ask for a stop, in a process of their own."""

import os
import signal
import subprocess
import sys

import pytest

from lightning_cgan.runs.stops import STATUS, Signals
from tests.conftest import REPOSITORY

WAITS = """
import sys, time
sys.path.insert(0, {root!r})
from lightning_cgan.runs.stops import Signals
signals = Signals(lambda number: print("first", number.name, flush=True))
signals.install()
print("ready", flush=True)
while True:
    time.sleep(0.01)
"""


@pytest.fixture
def waiting():
    """A process that has taken over the signals and waits for them."""
    process = subprocess.Popen(
        [sys.executable, "-c", WAITS.format(root=str(REPOSITORY))],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout.readline() == "ready\n"
    yield process
    process.kill()
    process.communicate()


@pytest.mark.parametrize(("second", "status"), [("SIGTERM", 143), ("SIGUSR1", 75)])  # 75 asks a queue to start it again
def test_the_first_signal_is_remembered_and_the_second_ends_the_process_at_once(waiting, second, status):
    waiting.send_signal(signal.SIGINT)
    assert waiting.stdout.readline() == "first SIGINT\n"
    assert waiting.poll() is None
    waiting.send_signal(signal.Signals[second])
    assert waiting.wait(20) == STATUS[signal.Signals[second]] == status
    assert f"second {second}: leaving at once" in waiting.stderr.read()


def test_handlers_are_given_back_and_ignored_signals_stay_ignored(monkeypatch):
    before = {number: signal.getsignal(number) for number in STATUS}
    hangup = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        signals = Signals(lambda number: None)
        signals.install()
        signals.install()
        assert signal.getsignal(signal.SIGTERM) == signals.handle
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
        signals.restore()
    finally:
        signal.signal(signal.SIGHUP, hangup)
    assert {number: signal.getsignal(number) for number in STATUS} == before


def test_a_forked_loader_process_does_not_answer():
    first = []
    signals = Signals(first.append)
    signals.install()
    try:
        child = os.fork()
        if not child:
            os.kill(os.getpid(), signal.SIGTERM)
            os._exit(len(first))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        signals.restore()
