"""Questions to the databases of a deployment, past the services."""

import asyncio
from typing import Any

import asyncpg

from shared.database import connect, in_schema, service_url
from shared.parking import discard, parked
from tests.system.running import Deployment


def ask(deployment: Deployment, service: str, sql: str, *args: object) -> list[Any]:
    """The rows that a statement finds; `{s}` in it names the schema that serves."""
    return asyncio.run(_ask(deployment, service, sql, args))


def held(deployment: Deployment, pid: int) -> int:
    """How many units of the profile a process on this machine holds by the database's clock."""
    return int(ask(deployment, "profile", _HELD, f"%/{pid}/%")[0][0])


def rows_of_profile(deployment: Deployment) -> dict[str, str]:
    """A digest of every table of the profile's view, but for who holds it."""
    names = [row[0] for row in ask(deployment, "profile", _TABLES)]
    return {name: str(ask(deployment, "profile", _DIGEST.format(name))[0][0]) for name in names}


def give_up(deployment: Deployment, service: str) -> int:
    """Discard all that is parked; how many events that were."""
    return asyncio.run(_give_up(deployment, service))


async def _give_up(deployment: Deployment, service: str) -> int:
    pool = await connect(service_url(deployment.settings["RAPPORT_DATABASE"], service), size=2)
    try:
        live = str(await pool.fetchval("SELECT schema FROM live WHERE service = $1", service))
        found = await parked(pool, live, limit=100_000)
        for event in found:
            await discard(pool, live, event.place, "it is nothing that can be read")
        return len(found)
    finally:
        pool.terminate()


async def _ask(
    deployment: Deployment, service: str, sql: str, args: tuple[object, ...]
) -> list[Any]:
    url = service_url(deployment.settings["RAPPORT_DATABASE"], service)
    connection = await asyncpg.connect(url, timeout=10, command_timeout=60)
    try:
        live = await connection.fetchval("SELECT schema FROM live WHERE service = $1", service)
        found: list[Any] = await connection.fetch(in_schema(sql, str(live)), *args)
        return found
    finally:
        await connection.close()


_HELD = "SELECT count(*) FROM leases WHERE owner LIKE $1 AND until > clock_timestamp()"

_TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = '{s}'"

_DIGEST = """
SELECT md5(coalesce(string_agg(row, E'\\n' ORDER BY row), ''))
FROM (SELECT (to_jsonb(t) - 'epoch')::text AS row FROM {{s}}.{} t) rows
"""
