"""The services of a deployment that have been started, with their databases."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from services.cli.reach import NotMade, Reach, pool_of
from services.registry import SERVICES
from shared.errors import Fatal
from shared.members import Member


@asynccontextmanager
async def members_of(place: Reach) -> AsyncIterator[list[Member]]:
    """Every service that has a database. Raises Fatal where one is of an older version."""
    async with AsyncExitStack() as stack:
        found = []
        for service in SERVICES:
            try:
                pool = await stack.enter_async_context(pool_of(place, service.name))
            except NotMade:
                continue
            if await pool.fetchval("SELECT to_regclass('public.copies')") is None:
                raise Fatal(
                    f"The database of {service.name} is of an older version; "
                    "start the services of this version once."
                )
            found.append(Member(service.name, pool, service.owns))
        yield found
