"""Server processes: in a session of their own, recognised by pid and start time."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path

import msgspec
import psutil

from shared.clock import monotonic
from shared.embedded.account import Account, environment

_CLOCK_STEP = 2.0
"""Seconds by which a start time may seem to move when the machine's clock is set."""

_FAILURES = ("FATAL", "PANIC", "ERROR", "error:", "Exception")


class Mark(msgspec.Struct, frozen=True):
    """What tells a process from a later one with the same pid."""

    pid: int
    started: float


def mark(pid: int) -> Mark | None:
    """The mark of a process that runs now; a zombie runs no more."""
    try:
        process = psutil.Process(pid)
        if not _ended(process):
            return Mark(pid, process.create_time())
    except psutil.Error:
        pass
    return None


def alive(marked: Mark | None) -> bool:
    """Whether the very process that was marked still runs."""
    present = mark(marked.pid) if marked else None
    return bool(marked and present and abs(present.started - marked.started) < _CLOCK_STEP)


def spawn(command: list[str], account: Account, folder: Path, log: Path) -> int:
    """Starts a server that outlives us, its output appended to the log; returns its pid."""
    with log.open("ab") as output:
        child = subprocess.Popen(
            command,
            cwd=folder,
            env=environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            umask=0o077,
            start_new_session=True,
            user=None if account.is_self else account.uid,
            group=None if account.is_self else account.gid,
            extra_groups=None if account.is_self else [],
        )
    child.returncode = (
        0  # nobody waits for it: it outlives us, and `subprocess` is not to warn of that
    )
    return child.pid


def of(folder: Path, name: str) -> list[psutil.Process]:
    """The processes of that name at work in the folder: a server, its children, orphans."""
    inside = str(folder.resolve())
    found = []
    for process in psutil.process_iter():
        try:
            if process.name() == name and (process.cwd() + "/").startswith(inside + "/"):
                found.append(process)
        except (psutil.Error, OSError):
            continue  # ended meanwhile, or another user's
    return found


def end(processes: Iterable[psutil.Process], steps: Iterable[tuple[signal.Signals, float]]) -> None:
    """Sends each signal in turn, waits its seconds, and kills what is left."""
    left = list(processes)
    for number, seconds in (*steps, (signal.SIGKILL, 10.0)):
        for process in left:
            _send(process, number)
        until(partial(_all_ended, left), seconds)
        left = [process for process in left if not _ended(process)]
        if not left:
            return


def listens(marked: Mark | None, port: int) -> bool:
    """Whether the process that was marked, and no other, has the port."""
    if marked is None or not alive(marked):
        return False
    try:
        connections = psutil.Process(marked.pid).net_connections("tcp")
    except psutil.Error:
        return False
    return any(
        each.status == psutil.CONN_LISTEN and each.laddr.port == port for each in connections
    )


def await_end(marked: Mark | None) -> None:
    """Waits until a process that was killed holds no file and no port any more, at most 10 s."""
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(marked.pid) if marked else None
        if marked and process and abs(process.create_time() - marked.started) < _CLOCK_STEP:
            until(lambda: alive(marked) or _ended(process), 10.0)


def until(condition: Callable[[], bool], seconds: float) -> bool:
    """Waits until the condition holds, at most that long; says whether it does."""
    deadline = monotonic() + seconds
    while not condition():
        if monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def last_words(log: Path) -> str:
    """What the end of a log says of a failure."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 16_384))
        return telling(file.read().decode(errors="replace"))


def telling(output: str) -> str:
    """The last line of an output that names a failure, else its last line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    named = [line for line in lines if any(word in line for word in _FAILURES)]
    return next(reversed(named or lines), "it said nothing")[:400]


def trim(log: Path, most: int = 10 << 20) -> None:
    """Keeps a log that has grown too long under another name, in place of the one kept before."""
    if log.exists() and log.stat().st_size > most:
        log.replace(log.with_suffix(".old.log"))


def _send(process: psutil.Process, number: signal.Signals) -> None:
    with suppress(psutil.NoSuchProcess):
        process.send_signal(number)


def _all_ended(processes: list[psutil.Process]) -> bool:
    return all(map(_ended, processes))


def _ended(process: psutil.Process) -> bool:
    """Whether it runs no more: gone, or a zombie whose last thread has let go of its ports."""
    try:
        zombie = process.status() == psutil.STATUS_ZOMBIE
        if process.is_running() and not (zombie and _threads(process) <= 1):
            return False
    except psutil.NoSuchProcess:
        return True
    with suppress(ChildProcessError):
        os.waitpid(process.pid, os.WNOHANG)
    return True


def _threads(process: psutil.Process) -> int:
    try:
        return process.num_threads()
    except psutil.ZombieProcess:
        return 0
