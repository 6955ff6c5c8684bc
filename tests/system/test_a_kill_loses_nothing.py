"""kill -9 under load: nothing acknowledged is missing, nothing counts twice."""

import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from shared import embedded
from tests.faults.audit import audit
from tests.system.load import under_load
from tests.system.running import System


@pytest.fixture
def mortals() -> Iterator[Path]:
    """The data folder of Kafka and PostgreSQL that nobody else uses, and that may be killed."""
    folder = Path(tempfile.mkdtemp(prefix="rapport-kill-"))
    folder.chmod(0o755)  # the servers' user has to reach it
    try:
        yield folder / "servers"
    finally:
        embedded.remove(folder / "servers")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def mortal(mortals: Path, tmp_path: Path) -> Iterator[System]:
    """A system on those servers."""
    addresses = embedded.start(mortals, keep=True)
    system = System(
        tmp_path,
        {
            "RAPPORT_KAFKA": addresses.kafka,
            "RAPPORT_DATABASE": addresses.database,
            "RAPPORT_PARTITIONS": "2",
            "RAPPORT_SECRET": "the secret of a system that may be killed",
            "RAPPORT_LEASE_SECONDS": "2",
        },
    )
    system.start()
    yield system
    system.end()


def test_the_services_killed_twice(system: System) -> None:
    kill_under_load(system, [partial(_kill_services, system)] * 2)


def test_kafka_postgresql_and_the_services_killed_in_turn(mortal: System, mortals: Path) -> None:
    kill_under_load(
        mortal,
        [
            partial(_kill_server, mortals, "kafka"),
            partial(_kill_services, mortal),
            partial(_kill_server, mortals, "postgres"),
            partial(_kill_server, mortals, "kafka"),
        ],
    )


def kill_under_load(system: System, kills: list[Callable[[], None]]) -> None:
    """Do each of these while events are posted; then compare all that was acknowledged."""
    with under_load(system) as load:
        for kill in kills:
            load.go_on()
            kill()
        load.go_on()
    assert load.unsettled > 0
    assert audit(system, [load]).examples == ()


def _kill_services(system: System) -> None:
    system.program.kill()
    system.start()


def _kill_server(mortals: Path, name: str) -> None:
    [victim] = [server for server in embedded.status(mortals) if server.name == name]
    assert victim.pid is not None
    os.kill(victim.pid, signal.SIGKILL)
    embedded.start(mortals, keep=True)
