"""Fixtures of what decides: a database with the event store, a log with the toy's topics."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared import deciding
from shared.database import Pool, migrate
from shared.deciding.command_handler import CommandHandler
from shared.log import Log
from tests.deciding import toy
from tests.shared.toy import topics

_MIGRATIONS = Path(deciding.__file__).with_name("migrations")


@pytest.fixture
async def pool(pool: Pool) -> Pool:
    """The database of a service that decides."""
    await migrate(pool, _MIGRATIONS)
    return pool


@pytest.fixture
def handler(pool: Pool) -> CommandHandler:
    """What carries out commands."""
    return CommandHandler(pool, toy.SOURCE)


@pytest.fixture
async def log(kafka: str, topic_prefix: str) -> AsyncIterator[Log]:
    """A log with the topics of the toy."""
    async with topics(kafka, topic_prefix, toy.HAPPENINGS, toy.VISITS) as log:
        yield log
