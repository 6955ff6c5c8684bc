"""A copy that is killed at any step goes on with the next call: no record is lost or doubled."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from shared import database as databases
from shared.database import Pool
from shared.failpoints import EXIT
from shared.log import Log
from shared.members import Member
from tests.shared.growing import MORE, audit, deployed, fill, grow, is_fenced, present
from tests.shared.toy import PARTITIONS

_MIGRATIONS = Path(databases.__file__).with_name("migrations")


@asynccontextmanager
async def another(database: str) -> AsyncIterator[tuple[str, Pool]]:
    """A second service's database on the same server, dropped afterwards."""
    parts = urlsplit(database)
    name = f"{parts.path.strip('/')}_b"
    url = urlunsplit(parts._replace(path=f"/{name}"))
    server = await asyncpg.connect(database)
    await databases.ensure_database(url)
    pool = await databases.connect(url)
    try:
        await databases.migrate(pool, _MIGRATIONS)
        yield url, pool
    finally:
        pool.terminate()
        await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await server.close()


async def killed(point: str, prefix: str, kafka: str, *urls: str) -> None:
    """Let a process copy until it dies at the point."""
    command = (sys.executable, "-m", "tests.shared.growing_process", point, prefix, kafka, *urls)
    process = await asyncio.create_subprocess_exec(*command)
    assert await asyncio.wait_for(process.wait(), 60) == EXIT


@pytest.mark.parametrize(
    "point", ["append.sending", "append.settled", "copy.saved", "copy.fenced", "copy.recorded"]
)
async def test_a_killed_copy_goes_on(
    log: Log, topic_prefix: str, pool: Pool, database: str, kafka: str, point: str
) -> None:
    [owner] = await deployed(pool)
    async with another(database) as (url, other):
        await deployed(other)
        deployment = [owner, Member("reader", other, ())]
        await fill(log, topic_prefix, 700)
        await killed(point, topic_prefix, kafka, database, url)
        assert await is_fenced(log, topic_prefix) is (point in ("copy.fenced", "copy.recorded"))
        assert await present(other) == (1, PARTITIONS)
        await grow(log, deployment, topic_prefix)
        assert await present(pool) == await present(other) == (2, MORE)
    await audit(log, topic_prefix)
    assert await is_fenced(log, topic_prefix)


async def test_a_topic_that_a_killed_copy_has_left_fenced_is_opened_by_the_next_call(
    log: Log, topic_prefix: str, pool: Pool, database: str, kafka: str
) -> None:
    deployment = await deployed(pool)
    await fill(log, topic_prefix, 10)
    await killed("copy.fenced", topic_prefix, kafka, database)
    await grow(log, deployment, topic_prefix, switch=False)
    assert not await is_fenced(log, topic_prefix)
