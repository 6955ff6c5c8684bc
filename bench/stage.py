"""The servers of a run, in a folder that is removed afterwards, and deployments on them."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import uvloop

from bench import cores
from services.registry import SERVICES
from shared import embedded
from shared.errors import Fatal
from shared.log import Log, Topic
from shared.settings import PREFIX

OWNED = [topic for service in SERVICES for topic in service.owns]
"""What the services write to."""

PARTITIONS = 4
"""As embedded, with `flush.messages=1` too."""


@dataclass(frozen=True)
class Stage:
    """The servers, and how much is to be measured: 1 is everything."""

    folder: Path
    kafka: str
    database: str
    scale: float

    def times(self, whole: int, least: int) -> int:
        """A count at this scale."""
        return max(least, int(whole * self.scale))

    @property
    def rounds(self) -> int:
        """How often each contestant runs."""
        return 5 if self.scale >= 1 else 3

    def database_of(self, name: str) -> str:
        """The URL of a database of its own."""
        return urlunsplit(urlsplit(self.database)._replace(path=f"/{name}"))

    def environment(self, name: str) -> dict[str, str]:
        """The settings of a deployment of its own; its topics begin with `<name>-`."""
        data = self.folder / name
        data.mkdir(exist_ok=True)
        others = {key: value for key, value in os.environ.items() if not key.startswith(PREFIX)}
        return others | {
            "RAPPORT_DATA": str(data),
            "RAPPORT_KAFKA": self.kafka,
            "RAPPORT_DATABASE": self.database_of(name),
            "RAPPORT_TOPIC_PREFIX": f"{name}-",
            "RAPPORT_PARTITIONS": str(PARTITIONS),
        }

    def make_topics(self, name: str, topics: Sequence[Topic]) -> None:
        """Make a deployment's topics with the embedded settings."""
        uvloop.run(_make_topics(self.kafka, f"{name}-", topics))

    def pid(self, server: str) -> int:
        """The process of `kafka` or `postgres`. Raises Fatal where it has ended."""
        for one in embedded.status(self.folder):
            if one.name == server and one.pid is not None:
                return one.pid
        raise Fatal(f"The bench's {server} has ended.")

    @contextmanager
    def apart(self) -> Iterator[None]:
        """Keep Kafka and PostgreSQL off the core that a measured server has for itself."""
        pids = [one.pid for one in embedded.status(self.folder) if one.pid is not None]
        cores.move(pids, cores.OTHERS)
        try:
            yield
        finally:
            cores.move(pids, cores.ALL)


@contextmanager
def opened(scale: float) -> Iterator[Stage]:
    """Start the servers; stop them and remove all they wrote at the end."""
    folder = Path(tempfile.mkdtemp(prefix="rapport-bench-"))
    folder.chmod(0o755)  # the servers' user has to reach it
    try:
        servers = embedded.start(folder, keep=True)
        yield Stage(folder, servers.kafka, servers.database, scale)
    finally:
        embedded.remove(folder)
        shutil.rmtree(folder, ignore_errors=True)


async def _make_topics(address: str, prefix: str, topics: Sequence[Topic]) -> None:
    log = await Log.connect(address)
    try:
        await log.ensure_topics(prefix, topics, PARTITIONS, embedded=True)
    finally:
        await log.close()
