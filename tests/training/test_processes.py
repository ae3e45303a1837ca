"""Work in other processes: one thread each, plain errors, and none is left behind."""

import os
import signal
import subprocess
import sys
import threading
from pickle import PicklingError

import joblib
import numpy as np
import pytest
import torch

from mmsa_utils.errors import CourseError
from mmsa_utils.training.processes import count_processes, in_processes


def test_as_many_processes_as_asked_for_but_no_more_than_tasks():
    assert count_processes(3, tasks=5) == 3
    assert count_processes(8, tasks=5) == 5
    assert count_processes(0, tasks=1000) == joblib.cpu_count()


def test_a_process_has_one_thread_and_starts_no_processes_itself():
    def facts(item):
        return item, os.getpid(), torch.get_num_threads(), count_processes(8, tasks=8)

    items, pids, threads, inside = zip(*in_processes(facts, range(4), processes=2), strict=True)
    assert sorted(items) == [0, 1, 2, 3]
    assert os.getpid() not in pids
    assert set(threads) == set(inside) == {1}


def test_large_arrays_are_mapped_into_memory_and_stay_as_they_are():
    table = np.ones((600, 600))

    def spoil(item):
        torch.from_numpy(table).mul_(2)  # it may be written to
        return isinstance(table, np.memmap), table.sum()

    assert list(in_processes(spoil, [0], processes=2)) == [(True, 2 * 600 * 600)]
    assert table.sum() == 600 * 600


def test_what_cannot_be_sent_is_said():
    lock = threading.Lock()
    with pytest.raises(PicklingError, match=r"^TypeError: cannot pickle '_thread\.lock' object$"):
        list(in_processes(lambda _: lock, [0], processes=2))


def test_an_error_arrives_as_it_was_raised():
    def refuse(item):
        raise CourseError(f"{item} is wrong: mend it")

    with pytest.raises(CourseError, match=r"^7 is wrong: mend it$") as caught:
        list(in_processes(refuse, [7], processes=2))
    assert caught.value.__cause__ is None  # no traceback of another process


def test_a_process_that_is_killed_is_one_message():
    with pytest.raises(CourseError, match=r"One of 2 processes broke off .*jobs=1"):
        list(in_processes(lambda _: os.kill(os.getpid(), signal.SIGKILL), [0], processes=2))


# A process opens the fifo, and the fifo ends when the last of them does.
PARENT = """
import signal, sys, time
from mmsa_utils.training.processes import in_processes
signal.signal(signal.SIGINT, signal.default_int_handler)

def work(item, file=sys.argv[1]):
    with open(file, "w") as fifo:
        print("begun", file=fifo, flush=True)
        time.sleep(100)
        print("finished", file=fifo)

list(in_processes(work, range(3), processes=2))
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_processes_end_with_the_one_that_started_them(number, tmp_path):
    os.mkfifo(tmp_path / "fifo")
    command = [sys.executable, "-c", PARENT, str(tmp_path / "fifo")]
    parent = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    with (tmp_path / "fifo").open() as fifo:
        assert [fifo.readline(), fifo.readline()] == ["begun\n", "begun\n"]
        parent.send_signal(number)
        assert fifo.read() == ""
    assert parent.wait() == -number
