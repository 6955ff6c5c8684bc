"""A contact on the real log and database, one for all tests of a file."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from shared import database as databases
from shared.ids import random_token
from shared.log import Log
from tests.contact.answering import Contact, answering

_MIGRATIONS = Path(databases.__file__).with_name("migrations")


@pytest.fixture(scope="module")
async def live(kafka: str, postgres_server: str) -> AsyncIterator[Contact]:
    """Every test of the file posts to the same one: each by ids of its own."""
    name = f"test_{random_token(6).hex()}"
    parts = urlsplit(postgres_server)
    server = await asyncpg.connect(urlunsplit(parts._replace(path="/postgres")))
    await server.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    pool = await databases.connect(urlunsplit(parts._replace(path=f"/{name}")))
    log = await Log.connect(kafka)
    try:
        await databases.migrate(pool, _MIGRATIONS)
        async with answering(pool, log, f"{name}-".replace("_", "-")) as contact:
            yield contact
    finally:
        await log.close()
        pool.terminate()
        await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await server.close()
