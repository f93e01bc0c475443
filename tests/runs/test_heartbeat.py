"""Processes that watch each other, without a Trainer."""

import os
import signal
import subprocess
import sys
import threading

import pytest
from torch.distributed import TCPStore

from lightning_cgan.runs.heartbeat import Heartbeat
from tests.conftest import REPOSITORY

BEATS = """
import sys, time
sys.path.insert(0, {root!r})
from lightning_cgan.runs.heartbeat import Heartbeat
Heartbeat(("127.0.0.1", {port}), "test", 1, 2, 60, print).start()
time.sleep(60)
"""


@pytest.fixture
def beats():
    """Starts a process' heartbeat here; ``said`` is what it tells of the other."""
    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    hearts = []

    def start(rank, silence):
        heart = Heartbeat(("127.0.0.1", store.port), "test", rank, 2, silence, lambda told: tell(heart, told))
        heart.said, heart.rung = [], threading.Event()
        hearts.append(heart)
        heart.start()
        return heart

    def tell(heart, told):
        heart.said.append(told)
        heart.rung.set()
        heart.stop()

    start.port = store.port
    yield start
    for heart in hearts:
        heart.stop()


def test_a_process_that_is_stopped_is_named_and_killed(beats):
    code = BEATS.format(root=str(REPOSITORY), port=beats.port)
    other = subprocess.Popen([sys.executable, "-c", code])
    try:
        heart = beats(0, silence=4)
        while not heart.identity:  # the processes are connected
            heart.rung.wait(0.1)
        other.send_signal(signal.SIGSTOP)
        assert heart.rung.wait(60)
        assert f"process 1 of 2 (pid {other.pid} on {os.uname().nodename}) has not answered for 4 s" in heart.said[0]
        assert other.wait(20) == -signal.SIGKILL
    finally:
        other.kill()


def wait_for_a_beat(heart, rank):
    """Waits until the silence of process ``rank`` is set back to 0, which a beat of it does."""
    while not heart.silent_for[rank]:
        assert not heart.rung.wait(0.01)
    while heart.silent_for[rank]:
        assert not heart.rung.wait(0.01)


def test_a_process_that_beats_or_has_finished_is_not_missed(beats):
    first, second = beats(0, silence=60), beats(1, silence=60)
    wait_for_a_beat(first, 1)
    second.stop()
    for _ in range(2):  # the last beat counts for ever
        wait_for_a_beat(first, 1)
