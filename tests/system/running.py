"""Systems under test: programs in processes of their own, on real servers."""

import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import msgspec

from services import banner, instance
from services.cli import main
from shared.clock import monotonic

ROOT = Path(__file__).resolve().parents[2]
START = 120.0
STOP = 25.0
INTERRUPTED = 130
"""The exit code of the operators' command after Ctrl-C, which was meant for us."""


class Program:
    """A program that answers on a port of its own: started, killed, paused, started again."""

    def __init__(
        self, name: str, words: Sequence[str], settings: dict[str, str], log: Path
    ) -> None:
        self.name = name
        self.url = f"http://127.0.0.1:{free_port()}"
        self.settings = settings | {"RAPPORT_PORT": self.url.rpartition(":")[2]}
        self.log = log
        self.words = words
        self._child: subprocess.Popen[bytes] | None = None
        self._said = 0

    def start(self, **settings: str) -> None:
        """Start it, with further settings this time, and wait until it answers."""
        self.begin(**settings)
        self.wait()

    def begin(self, **settings: str) -> None:
        """Start it and wait for nothing."""
        with self.log.open("ab") as output:
            self._said = output.tell()
            self._child = subprocess.Popen(
                [sys.executable, *self.words],
                cwd=ROOT,
                env=environment(self.settings | settings),
                stdout=output,
                stderr=output,
            )

    def wait(self) -> None:
        """Wait until it answers."""
        wait_until(self._is_up, START, f"{self.name} answers at {self.url}; its log is {self.log}")

    def _is_up(self) -> bool:
        assert self.runs, self.log.read_text()[-4000:]
        try:
            return httpx.get(f"{self.url}/livez", timeout=5.0).status_code == 200
        except httpx.TransportError:
            return False

    @property
    def runs(self) -> bool:
        """Whether it was started and has not ended."""
        return self._child is not None and self._child.poll() is None

    @property
    def pid(self) -> int:
        assert self._child is not None
        return self._child.pid

    def says(self, words: str) -> bool:
        """Whether these words stand in its log since it was started last."""
        return words.encode() in self.log.read_bytes()[self._said :]

    def last_words(self, lines: int = 40) -> str:
        """How it fares and the end of its log, to be shown when something failed."""
        state = "runs" if self.runs else f"ended with {self._child and self._child.returncode}"
        said = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join([f"--- {self.name} {state}", *said[-lines:]])

    def send(self, number: signal.Signals) -> None:
        """Send it a signal and wait for nothing."""
        os.kill(self.pid, number)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; the exit code."""
        self.send(number)
        return self.ended(STOP)

    def kill(self) -> None:
        """End it as a power cut does."""
        assert self.stop(signal.SIGKILL) == -signal.SIGKILL

    def ended(self, seconds: float) -> int:
        """Wait for the end; the exit code."""
        assert self._child is not None
        code = self._child.wait(seconds)
        self._child = None
        return code

    def end(self) -> None:
        """Whatever is left of it after a test."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()


class Deployment:
    """A deployment as those outside see it: posts, reads, the operators' command."""

    def __init__(self, data: Path, settings: dict[str, str], door: str, reads: str) -> None:
        self.data = data
        self.settings = settings | {"RAPPORT_DATA": str(data)}
        self._door = httpx.Client(base_url=door, timeout=10.0, verify=False)
        self._reads = httpx.Client(base_url=reads, timeout=10.0, verify=False)

    def close(self) -> None:
        self._door.close()
        self._reads.close()

    def key(self, scope: str) -> dict[str, str]:
        """The header of the first start's key of a scope."""
        return {"Authorization": f"Bearer {banner.keys(self.data)[scope]}"}

    def post(self, content: object) -> httpx.Response:
        """Post one event or an array of them."""
        body = msgspec.json.encode(content)
        headers = self.key("ingest") | {"Content-Type": "application/json"}
        return self._door.post("/v1/events", content=body, headers=headers)

    def profile(self, identifier: str, position: str | None = None) -> dict[str, Any]:
        """The profile behind an identifier, once the view has a position."""
        query = {"identifier": identifier} | ({"min_position": position} if position else {})
        found: dict[str, Any] = {}

        def answered() -> bool:
            answer = self.get("/v1/customers", **query)
            found.update(answer.json())
            return answer.status_code == 200

        wait_until(answered, 30.0, f"{identifier} is known at {position}")
        return found

    def get(self, path: str, **query: str) -> httpx.Response:
        """Read of the profile."""
        return self._reads.get(path, params=query, headers=self.key("read"))

    def write(self, path: str, content: object) -> httpx.Response:
        """Post a command to the profile."""
        body = msgspec.json.encode(content)
        headers = self.key("write") | {"Content-Type": "application/json"}
        return self._reads.post(path, content=body, headers=headers)

    def rapport(self, *words: str) -> "Ended":
        """Run the operators' command on this deployment, in this process: it starts at once."""
        said, complained = StringIO(), StringIO()
        alone = _as_if_alone(environment(self.settings))
        with alone, redirect_stdout(said), redirect_stderr(complained):
            code = _code(words)
        if code == INTERRUPTED:
            raise KeyboardInterrupt
        return Ended(code, said.getvalue(), complained.getvalue())


class System(Deployment):
    """All services in one process, with a data folder, databases and topics of its own."""

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        data = folder / "data"
        settings = settings | {"RAPPORT_DATA": str(data)}
        self.program = Program("rapport", ["-m", "services"], settings, folder / "log")
        self.url = self.program.url
        super().__init__(data, self.program.settings, self.url, self.url)

    def start(self, **settings: str) -> None:
        """Start it, with further settings this time, and wait until it answers."""
        self.program.start(**settings)
        wait_until(self._is_noted, START, f"{self.data} says where it answers")

    def _is_noted(self) -> bool:
        noted = instance.find(self.data)
        return noted is not None and noted.pid == self.program.pid

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; the exit code."""
        return self.program.stop(number)

    def end(self) -> None:
        """Whatever is left of it after a test."""
        self.program.end()
        self.close()


class Ended(NamedTuple):
    """What a command left behind."""

    returncode: int
    stdout: str
    stderr: str


def _code(words: Sequence[str]) -> int:
    try:
        main(words)
    except SystemExit as end:
        return int(end.code or 0)
    return 0


@contextmanager
def _as_if_alone(settings: dict[str, str]) -> Iterator[None]:
    """This environment and the logging of a process of its own, while the body runs."""
    root = logging.getLogger()
    before, handlers, level = dict(os.environ), root.handlers[:], root.level
    os.environ.clear()
    os.environ.update(settings)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        root.handlers[:] = handlers
        root.setLevel(level)


def run(
    *words: str, settings: dict[str, str], seconds: float = 60.0
) -> "subprocess.CompletedProcess[str]":
    """Run Python with these words and settings to its end."""
    return subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env=environment(settings),
        capture_output=True,
        text=True,
        timeout=seconds,
    )


def environment(settings: dict[str, str]) -> dict[str, str]:
    """Ours without any setting of the test run, and with these."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAPPORT_")}
    return kept | settings


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def wait_until(condition: Any, seconds: float, what: str) -> None:
    """Ask until it is true; fails after the seconds."""
    deadline = monotonic() + seconds
    while not condition():
        assert monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)


def order(id: str, user: str, amount: int = 100) -> dict[str, Any]:
    """An order of a user of the shop."""
    return {
        "id": id,
        "source": "/web/shop",
        "type": "order.placed",
        "time": "2026-01-31T12:00:00Z",
        "data": {
            "channel": "web",
            "identifiers": [{"kind": "user", "namespace": "shop", "value": user}],
            "order": id,
            "amount": amount,
            "currency": "EUR",
        },
    }
