"""A deployment of its own for every file of system tests."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from shared.ids import random_token
from tests.system.running import System


@pytest.fixture(scope="module")
async def deployment(kafka: str, postgres_server: str) -> AsyncIterator[dict[str, str]]:
    """Settings of a deployment that nobody else has; its databases are dropped afterwards."""
    name = f"test_{random_token(6).hex()}"
    parts = urlsplit(postgres_server)
    yield {
        "RAPPORT_KAFKA": kafka,
        "RAPPORT_DATABASE": urlunsplit(parts._replace(path=f"/{name}")),
        "RAPPORT_TOPIC_PREFIX": f"{name.replace('_', '-')}-",
        "RAPPORT_PARTITIONS": "2",
        "RAPPORT_SECRET": "the secret of all system tests of a run",
        "RAPPORT_LEASE_SECONDS": "2",
    }
    server = await asyncpg.connect(urlunsplit(parts._replace(path="/postgres")))
    try:
        for service in ("contact", "profile", "leads"):
            await server.execute(f"DROP DATABASE IF EXISTS {name}_{service} WITH (FORCE)")
    finally:
        await server.close()


@pytest.fixture(scope="module")
def system(
    deployment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    """A running system."""
    folder: Path = tmp_path_factory.mktemp("system")
    found = System(folder, deployment)
    found.start()
    yield found
    found.end()
