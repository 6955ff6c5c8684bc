"""Which core does what: the measured server has one of its own, all else takes the others."""

import os
from collections.abc import Collection

import psutil

Cores = Collection[int]

ALL: Cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
SERVER: Cores = ALL[:1] if len(ALL) > 1 else ALL  # type: ignore[index]
OTHERS: Cores = ALL[1:] if len(ALL) > 1 else ALL  # type: ignore[index]


def take(cores: Cores) -> None:
    """Let this process, and what it starts, run there only; nothing where that cannot be set."""
    if cores:
        os.sched_setaffinity(0, cores)


def move(pids: Collection[int], cores: Cores) -> None:
    """Move processes with all their threads and children, as they are now."""
    for pid in pids if cores else ():
        for process in _family(pid):
            for thread in _threads(process):
                _set(thread, cores)


def _family(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _threads(process: psutil.Process) -> list[int]:
    try:
        return [thread.id for thread in process.threads()]
    except psutil.NoSuchProcess:
        return []


def _set(thread: int, cores: Cores) -> None:
    try:
        os.sched_setaffinity(thread, cores)
    except ProcessLookupError:
        return  # it ended meanwhile
