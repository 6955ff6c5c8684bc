"""Measured programs: a server in a process of its own on a core of its own, and loads on it."""

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from os import SEEK_END
from pathlib import Path
from tempfile import TemporaryFile
from time import sleep
from typing import IO
from urllib.request import urlopen

import msgspec
import psutil

from bench import cores
from bench.load import Order, Result
from shared.clock import monotonic
from shared.errors import Fatal

START_TIMEOUT = 60.0
STOP_TIMEOUT = 30.0
SHOWN = 2000
ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Measured:
    """One load on one server."""

    events: int
    seconds: float
    cpu: float  # seconds of the server's process
    p99: float = 0.0  # seconds until an answer

    @property
    def rate(self) -> float:
        return self.events / self.seconds

    @property
    def cost(self) -> float:
        """Microseconds of CPU per event."""
        return self.cpu / self.events * 1e6


@dataclass(frozen=True)
class Server:
    """A running server."""

    name: str
    port: int
    process: psutil.Process

    def load(self, order: Order) -> Measured:
        """Send a load and see what it costs the server. Raises Fatal where an answer is no 2xx."""
        order = msgspec.structs.replace(order, host="127.0.0.1", port=self.port)
        spent: list[float] = []
        line = told(
            [sys.executable, "-m", "bench.load"],
            msgspec.json.encode(order).decode(),
            lambda: spent.append(cpu(self.process)),
        )
        result = msgspec.json.decode(line, type=Result)
        if result.failed or result.answered != result.requests:
            raise Fatal(
                f"{result.answered} of {result.requests} requests to {self.name} were answered, "
                f"{result.failed} with a failure: "
                f"{result.first_failure}"
            )
        return Measured(order.count, result.seconds, spent[1] - spent[0], result.p99)


def cpu(process: psutil.Process) -> float:
    """Seconds of CPU that a process has taken so far: to the nanosecond where Linux tells."""
    tasks = Path(f"/proc/{process.pid}/task")
    try:
        return sum(int(t.read_text().split()[0]) for t in tasks.glob("*/schedstat")) / 1e9
    except (OSError, IndexError):
        times = process.cpu_times()
        return float(times.user + times.system)


def family_cpu(pid: int) -> float:
    """The same of a process and its children, those that have ended left out."""
    process = psutil.Process(pid)
    return sum(_cpu_or_nothing(one) for one in (process, *process.children(recursive=True)))


def _cpu_or_nothing(process: psutil.Process) -> float:
    try:
        return cpu(process)
    except psutil.NoSuchProcess:
        return 0.0


@contextmanager
def contestant(name: str, environment: Mapping[str, str]) -> Iterator[Server]:
    """A server of bench.contestants, on the core of servers."""
    with served([sys.executable, "-m", "bench.contestants", name], name, environment) as server:
        yield server


@contextmanager
def served(
    command: Sequence[str],
    name: str,
    environment: Mapping[str, str],
    where: cores.Cores = cores.SERVER,
) -> Iterator[Server]:
    """A server that listens on RAPPORT_PORT and answers /livez once it is up."""
    port = free_port()
    with TemporaryFile() as log:
        child = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**environment, "RAPPORT_PORT": str(port)},
            stdout=subprocess.DEVNULL,
            stderr=log,
            preexec_fn=lambda: cores.take(where),
        )
        try:
            _await_answer(child, port, name)
            yield Server(name, port, psutil.Process(child.pid))
        except Fatal:
            _show_end(log)
            raise
        finally:
            end(child)


def free_port() -> int:
    """A port that nobody has now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def end(child: "subprocess.Popen[str] | subprocess.Popen[bytes]") -> None:
    """Stop a program of ours, if need be by force."""
    child.terminate()
    try:
        child.wait(STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait(STOP_TIMEOUT)


def told(command: Sequence[str], task: str, look: Callable[[], None] = lambda: None) -> str:
    """What a program says in the end that is told a task, says `ready` and is told `go`.

    `look` is called right before and right after. Raises Fatal where the program fails.
    """
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            _tell(child.stdin, task)
            if child.stdout.readline() == "ready\n":
                look()
                _tell(child.stdin, "go")
                if line := child.stdout.readline():
                    look()
                    return line
            raise Fatal(f"{' '.join(command[1:])} failed; its own message stands above.")
        finally:
            end(child)


def _tell(program: IO[str], line: str) -> None:
    program.write(line + "\n")
    program.flush()


def _show_end(log: IO[bytes]) -> None:
    """The last that a server said."""
    log.seek(max(0, log.seek(0, SEEK_END) - SHOWN))
    sys.stderr.write(log.read().decode(errors="replace"))


def _await_answer(child: "subprocess.Popen[bytes]", port: int, name: str) -> None:
    deadline = monotonic() + START_TIMEOUT
    while child.poll() is None and monotonic() < deadline:
        try:
            with urlopen(f"http://127.0.0.1:{port}/livez", timeout=2.0):
                return
        except OSError:
            sleep(0.05)
    raise Fatal(f"{name} did not start; its own message stands above.")
