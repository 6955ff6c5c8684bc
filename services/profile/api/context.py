"""What every operation of the profile's API starts from: the site and the schema."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Request

from shared.cursors import Cursors
from shared.database import Connection, Pool, in_schema
from shared.generations import PASSED, located
from shared.http import wait_until, wrong_parameter
from shared.messages import Place
from shared.service import Site, schema_served


def site_of(request: Request) -> Site:
    """What the service has at hand: `app.state.site`."""
    found: Site = request.app.state.site
    return found


def cursors_of(site: Site) -> Cursors:
    return Cursors(site.secret)


async def schema_of(site: Site, min_position: str | None = None, *, listed: bool = False) -> str:
    """The schema to read, once it has `min_position`. Raises NotReady, Unprocessable.

    A list waits for its rows too; all else sums facts itself and waits for belonging alone.
    """
    schema = await schema_served(site)
    await wait_until(min_position, lambda place: _reached(site, schema, place, listed))
    return schema


async def _reached(site: Site, schema: str, place: Place, listed: bool) -> bool:
    """Whether all up to a place is folded and resolved."""
    try:
        at = located(site.schema.sources, site.settings.topic_prefix, site.partitions, place)
    except ValueError:
        raise wrong_parameter(
            "min_position", "position", "This position is of no topic that is read here."
        ) from None
    arguments = (*at, place.partition, place.offset, place.topic, listed)
    return bool(await site.pool.fetchval(in_schema(_REACHED, schema), *arguments))


_REACHED = f"""
SELECT {PASSED} AND NOT EXISTS (
    SELECT FROM {{s}}.pending p
    WHERE p.topic = $5 AND p.partition = $3 AND p.next_offset <= $4 + 1
      AND ($6 OR p.kind = 'pair'))
"""


@asynccontextmanager
async def snapshot(pool: Pool) -> AsyncIterator[Connection]:
    """A connection whose statements all see the same moment."""
    async with (
        pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        yield connection
