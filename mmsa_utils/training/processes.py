"""Work in processes beside this one, each with one thread.

Processes are joblib's (loky): fresh ones, not forks, so that threads and libraries of this
process are no danger to them. They stay for the next work, for importing torch takes seconds.
"""

import os
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from functools import cache
from pickle import PicklingError
from threading import Thread
from typing import TypeVar

import torch
from joblib import Parallel, cpu_count, delayed, parallel_config
from joblib.parallel import get_active_backend

from ..errors import CourseError

T = TypeVar("T")
R = TypeVar("R")
# loky starts a process anew once its memory has grown, and warns: nothing is lost by it.
warnings.filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)


def count_processes(jobs: int, *, tasks: int) -> int:
    """How many processes a number of tasks gets.

    Args:
        jobs: as asked for; 0 is one for each core that this process may use.
    """
    backend, _ = get_active_backend()
    if backend.nesting_level:  # this is such a process already
        return 1
    return min(jobs or cpu_count(), tasks)


def in_processes(function: Callable[[T], R], items: Iterable[T], *, processes: int) -> Iterator[R]:
    """Yields `function(item)` of all items, in the order in which they are done.

    Arrays from 1 MB on inside function and items are written to a file once, which all processes
    map into memory; what they change there stays with them.

    Args:
        processes: 2 or more.

    Raises:
        CourseError: the first that `function` raises; where a process ends by itself. The other
            processes are ended then, as with Ctrl-C.
        PicklingError: saying why, where function or items cannot be sent to another process.
    """
    with parallel_config("loky", inner_max_num_threads=1, mmap_mode="c"):
        parallel = Parallel(processes, return_as="generator_unordered", batch_size=1)
    try:
        yield from parallel(delayed(_serve)(os.getpid(), function, item) for item in items)
    except CourseError as error:
        raise CourseError(str(error)) from None  # without the other process's traceback
    except PicklingError as error:
        traceback = str(error.__cause__).strip('"\n')  # as text, from the thread that sends
        raise PicklingError(traceback.splitlines()[-1]) from None
    except BrokenProcessPool as error:
        reason = str(error).partition(". ")[0]
        raise CourseError(
            f"One of {processes} processes broke off ({reason}). What is finished is kept; where "
            "memory is short, take fewer: jobs=1 is this process alone"
        ) from error


def _serve(parent: int, function: Callable[[T], R], item: T) -> R:
    torch.set_num_threads(1)
    _end_with(parent)
    return function(item)


@cache
def _end_with(parent: int) -> None:
    """Ends this process within a second of its parent, which may have been killed."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    Thread(target=watch, daemon=True).start()
