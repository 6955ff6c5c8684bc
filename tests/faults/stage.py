"""What faults are done to: two servers of our own, and deployments whose services stand apart."""

import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import httpx
from typing_extensions import override

from shared import embedded
from shared.ids import random_token
from tests.faults.audit import Account
from tests.records import SECRET
from tests.system.load import LANES, RATE, Load, under_load
from tests.system.running import Deployment, Ended, Program, run

PARTITIONS = 4
LARGE = 200_000
"""Events after which a deployment is large."""

SHORT = 0.1
"""The scale below which there is less load too."""

LEASE = 2.0
"""Seconds of a lease: short, so that much happens in a run."""

PROGRAMS = {
    "contact api": ("services.contact", "--api"),
    "contact worker": ("services.contact", "--worker"),
    "profile api": ("services.profile", "--api"),
    "profile worker": ("services.profile", "--worker"),
    "other profile worker": ("services.profile", "--worker"),
}


class Apart(Deployment):
    """Each service's API and workers in processes of their own; `accounts` knows all that was sent.

    `audited` says of how many accounts a row has told already; `command` is the program of the
    operators' command where that is not the one of this code.
    """

    def __init__(self, folder: Path, settings: dict[str, str], rate: float) -> None:
        self.folder = folder
        self.rate = rate
        data = folder / "data"
        settings = settings | {"RAPPORT_DATA": str(data)}
        self.programs: dict[str, Program] = {}
        self._for_programs = settings
        self.door = self.add("contact api", *PROGRAMS["contact api"]).url
        self._for_programs = settings | {"RAPPORT_CONTACT_URL": self.door}
        for name, words in PROGRAMS.items():
            if name not in self.programs:
                self.add(name, *words)
        super().__init__(data, settings, self.door, self.programs["profile api"].url)
        self._history = httpx.Client(base_url=self.door, timeout=10.0, verify=False)
        self.accounts: list[Account] = []
        self.audited = 0
        self.topic = f"{settings['RAPPORT_TOPIC_PREFIX']}interactions.1"
        self.command: tuple[str, ...] = ()

    @property
    def number(self) -> int:
        """How many events were acknowledged here."""
        return sum(len(account.acknowledged) for account in self.accounts)

    def add(self, name: str, *words: str) -> Program:
        """One more program, not started yet."""
        log = self.folder / f"{name.replace(' ', '-')}.log"
        self.programs[name] = program = Program(name, ["-m", *words], self._for_programs, log)
        return program

    def through(self, door: str) -> None:
        """From now on, post to this address."""
        self._door.close()
        self._door = httpx.Client(base_url=door, timeout=10.0, verify=False)

    def another_worker(self, number: int) -> Program:
        """One more worker of the profile, not started yet."""
        return self.add(f"worker {number} of the profile", *PROGRAMS["profile worker"])

    def start(self) -> None:
        """Start all programs at once and wait until each answers.

        The topics of all services are made before, for the profile reads that of leads too.
        """
        made = self.rapport("topics", "apply")
        assert made.returncode == 0, made.stderr
        for program in self.programs.values():
            program.begin()
        for program in self.programs.values():
            program.wait()

    def end(self) -> None:
        """Whatever is left of it."""
        for program in self.programs.values():
            program.end()
        self._history.close()
        self.close()

    @contextmanager
    def load(self, *, lanes: int = LANES, size: int = 1) -> Iterator[Load]:
        """Load while the body runs, of which the auditor will know."""
        with under_load(self, lanes=lanes, size=size, rate=self.rate) as load:
            self.accounts.append(load)
            yield load

    @override
    def get(self, path: str, **query: str) -> httpx.Response:
        """Read of the service whose path it is."""
        if path.startswith("/v1/interactions"):
            return self._history.get(path, params=query, headers=self.key("read"))
        return super().get(path, **query)

    @override
    def rapport(self, *words: str) -> Ended:
        """Run the operators' command on this deployment."""
        if not self.command:
            return super().rapport(*words)
        ended = run(*self.command, *words, settings=self.settings, seconds=600.0)
        return Ended(ended.returncode, ended.stdout, ended.stderr)


class Stage:
    """The servers of a run, the deployment on them, and how much is done: 1 is everything."""

    def __init__(self, folder: Path, scale: float, servers: Path) -> None:
        self.scale = scale
        self.folder = folder
        self.servers = servers
        self.addresses = embedded.start(servers, keep=True)
        self._shared: Apart | None = None
        self._others: list[Apart] = []
        self._endings: list[Callable[[], None]] = []

    def times(self, whole: int, least: int = 1) -> int:
        """A number at this scale."""
        return max(least, round(whole * self.scale))

    def seconds(self, whole: float, least: float) -> float:
        """A time at this scale."""
        return max(least, whole * self.scale)

    @property
    def rate(self) -> float:
        """Events a second of the load: less for a short look."""
        return RATE if self.scale >= SHORT else RATE / 4

    def kill(self, server: str) -> None:
        """kill -9 of `kafka` or `postgres`."""
        found = {each.name: each.pid for each in embedded.status(self.servers)}
        pid = found[server]
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

    def restore(self) -> None:
        """Start whichever server is not there; the addresses stay as they are."""
        assert embedded.start(self.servers, keep=True) == self.addresses

    def deployment(self) -> Apart:
        """The deployment that scenarios share, each of which leaves it whole behind.

        One that has grown large is left for a new one, so that auditing it does not take for ever.
        """
        if self._shared is not None and self._shared.number > LARGE:
            self.clear(shared=True)
        if self._shared is None:
            self._shared = self._made()
            self._shared.start()
        return self._shared

    def clear(self, *, shared: bool) -> None:
        """End what a scenario had for itself, and with `shared` the deployment of all."""
        for apart in self._others:
            apart.end()
        self._others.clear()
        while self._endings:
            self._endings.pop()()
        if shared and self._shared is not None:
            self._shared.end()
            self._shared = None

    def last_words(self) -> str:
        """How every program of the present scenario fares, and the end of its log."""
        deployments = [*self._others, *([self._shared] if self._shared else [])]
        programs = [program for each in deployments for program in each.programs.values()]
        return "\n".join(program.last_words() for program in programs)

    def at_end(self, ending: Callable[[], None]) -> None:
        """To be called when the scenario is audited and its own deployments have ended."""
        self._endings.append(ending)

    def fresh(self) -> Apart:
        """A deployment for one scenario alone; not started yet."""
        self._others.append(self._made())
        return self._others[-1]

    def _made(self) -> Apart:
        """A deployment with databases and topics that nobody else has."""
        name = f"faults_{random_token(4).hex()}"
        folder = self.folder / name
        folder.mkdir()
        return Apart(
            folder,
            {
                "RAPPORT_KAFKA": self.addresses.kafka,
                "RAPPORT_DATABASE": on(self.addresses.database, name),
                "RAPPORT_TOPIC_PREFIX": f"{name.replace('_', '-')}-",
                "RAPPORT_PARTITIONS": str(PARTITIONS),
                "RAPPORT_LEASE_SECONDS": str(LEASE),
                "RAPPORT_SECRET": SECRET.decode(),
            },
            self.rate,
        )


def on(server: str, database: str) -> str:
    """The URL of a database on a server."""
    return urlunsplit(urlsplit(server)._replace(path=f"/{database}"))


@contextmanager
def opened(scale: float) -> Iterator[Stage]:
    """Start the servers; at the end stop everything and remove what it wrote."""
    folder = Path(tempfile.mkdtemp(prefix="rapport-faults-"))
    folder.chmod(0o755)  # the servers' user has to reach it
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stack.callback(embedded.remove, folder / "servers")
        stage = Stage(folder, scale, folder / "servers")
        stack.callback(stage.clear, shared=True)
        yield stage
