"""Fixtures of every test: fresh databases and topic names on one pair of real servers a run."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from shared import database as databases
from shared import embedded
from shared.ids import random_token
from tests.servers import Servers, Ticket, addresses

_servers = pytest.StashKey[Servers]()
_MIGRATIONS = Path(databases.__file__).with_name("migrations")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.stash[_servers] = Servers()


def pytest_unconfigure(config: pytest.Config) -> None:
    if servers := config.stash.get(_servers, None):
        servers.close()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: object) -> None:
    """pytest-xdist: what a worker is told before it starts."""
    config, told = node.config, node.workerinput  # type: ignore[attr-defined]
    told["servers"] = json.dumps(config.stash[_servers].ticket)


@pytest.fixture(scope="session")
def servers(pytestconfig: pytest.Config) -> embedded.Servers:
    """The addresses of Kafka and PostgreSQL, of which every worker of this run uses the same."""
    if told := getattr(pytestconfig, "workerinput", None):
        return addresses(Ticket(*json.loads(told["servers"])))
    return addresses(pytestconfig.stash[_servers].ticket)


@pytest.fixture(scope="session")
def kafka(servers: embedded.Servers) -> str:
    """host:port of Kafka."""
    return servers.kafka


@pytest.fixture(scope="session")
def postgres_server(servers: embedded.Servers) -> str:
    """The URL of a PostgreSQL server on which databases can be created."""
    return servers.database


@pytest.fixture
def topic_prefix() -> str:
    """What this test's topics begin with."""
    return f"t{random_token(6).hex()}-"


@pytest.fixture
async def database(postgres_server: str) -> AsyncIterator[str]:
    """The URL of a fresh database, dropped after the test."""
    name = f"test_{random_token(6).hex()}"
    parts = urlsplit(postgres_server)
    server = await asyncpg.connect(urlunsplit(parts._replace(path="/postgres")))
    try:
        await server.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        yield urlunsplit(parts._replace(path=f"/{name}"))
        await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await server.close()


@pytest.fixture
async def pool(database: str) -> AsyncIterator[databases.Pool]:
    """A pool on a fresh database with the tables that every service has."""
    pool = await databases.connect(database)
    try:
        await databases.migrate(pool, _MIGRATIONS)
        yield pool
    finally:
        pool.terminate()
