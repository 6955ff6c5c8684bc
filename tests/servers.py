"""The real Kafka and PostgreSQL that tests run on: given ones, containers, or embedded."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from shared import embedded

ROOT = Path(__file__).resolve().parent.parent


class Ticket(NamedTuple):
    """What the pytest that started everything tells its workers."""

    kafka: str | None
    database: str | None
    embedded: str | None


class Servers:
    """All that a test run has open; made and closed by the pytest that started everything."""

    def __init__(self) -> None:
        self._open = ExitStack()
        self.ticket = self._choose()

    def close(self) -> None:
        """Ends what this run has started."""
        self._open.close()

    def _choose(self) -> Ticket:
        kafka, database = os.environ.get("RAPPORT_KAFKA"), os.environ.get("RAPPORT_DATABASE")
        if kafka and database:
            return Ticket(kafka, database, None)
        if os.environ.get("RAPPORT_TESTS") == "docker":
            from tests import containers  # needs Docker, so only here

            return Ticket(*containers.start(self._open, kafka, database), None)
        folder = tempfile.mkdtemp(prefix="rapport-tests-")
        os.chmod(folder, 0o755)  # the servers' user has to reach it
        self._open.enter_context(_guard(folder))
        return Ticket(kafka, database, folder)


def addresses(ticket: Ticket) -> embedded.Servers:
    """Where the servers are; the embedded ones are started by the first worker that asks."""
    if ticket.embedded is None:
        assert ticket.kafka
        assert ticket.database
        return embedded.Servers(ticket.kafka, ticket.database)
    started = embedded.start(Path(ticket.embedded), keep=True, durable=False)
    return embedded.Servers(ticket.kafka or started.kafka, ticket.database or started.database)


@contextmanager
def _guard(folder: str) -> Iterator[None]:
    """A process that removes the servers when we close its input, or when we are killed."""
    command = [sys.executable, "-m", "tests.guard", folder]
    guard = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, start_new_session=True)
    yield
    guard.communicate(timeout=60)
