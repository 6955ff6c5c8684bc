"""One command at a time: the others are told so, and a lost connection hides no outcome."""

import asyncpg
import pytest

from shared.catchup import alone
from shared.database import Pool
from shared.errors import Conflict

JOB = "views of toy"


async def test_the_second_command_is_told_that_another_is_at_work(pool: Pool) -> None:
    async with alone(pool, JOB):
        with pytest.raises(Conflict, match="Another command"):
            async with alone(pool, JOB):
                pass
    async with alone(pool, JOB):
        pass


async def test_a_job_that_outlives_its_connection_ends_as_it_would(pool: Pool) -> None:
    async with alone(pool, JOB):
        await _cut_off(pool)
    with pytest.raises(ZeroDivisionError):
        await _fail_cut_off(pool)
    async with alone(pool, JOB):
        pass


async def _fail_cut_off(pool: Pool) -> None:
    async with alone(pool, JOB):
        await _cut_off(pool)
        raise ZeroDivisionError


async def _cut_off(pool: Pool) -> None:
    """End every other client's session of the database, as a crash does."""
    ended = await pool.fetch(_OTHERS)
    assert ended  # one that was cut off before may still be on its way out
    assert all(row[0] for row in ended)
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)):
        await pool.fetch(_MYSELF)


_OTHERS = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
AND backend_type = 'client backend'
"""

_MYSELF = "SELECT pg_terminate_backend(pg_backend_pid())"
