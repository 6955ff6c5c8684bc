"""Keeps what each key has in the quarantine within its bounds; one at a time, where it serves."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from services.contact.closing import Act
from services.contact.discarding import PAGE, keep_within
from services.contact.lanes import Topics
from services.contact.queries import bounds
from services.contact.queries.bounds import Bounds, Usage
from services.contact.turns import Turns
from shared.clock import now, rfc3339
from shared.database import Pool, is_transient
from shared.errors import LogUnavailable, NotReady
from shared.leases import Lease
from shared.service import Site
from shared.settings import Settings
from shared.telemetry import new_traceparent

POLL = 30.0
"""Seconds between two looks."""

ACTOR = "service:contact"

_logger = logging.getLogger("rapport.contact.bounds")


def bounds_of(settings: Settings) -> Bounds:
    """The bounds of a deployment."""
    return Bounds(settings.quarantine_items, settings.quarantine_bytes, settings.quarantine_days)


def keeper(site: Site) -> Callable[[Pool, Lease], Awaitable[None]]:
    """What runs the job of a site."""
    topics = Topics(site.topics["interactions"], site.topics["quarantine"], site.partitions)

    async def run(pool: Pool, lease: Lease) -> None:
        """Look until cancelled. Raises LeaseLost; what is away is waited for."""
        turns = Turns(pool, site.log, topics, site.settings.topic_prefix)
        while True:
            try:
                await look(pool, turns, lease, bounds_of(site.settings))
            except Exception as error:
                if not (isinstance(error, LogUnavailable | NotReady) or is_transient(error)):
                    raise
                _logger.warning("the bounds of the quarantine wait: %r", error)
            await asyncio.sleep(POLL)

    return run


async def look(pool: Pool, turns: Turns, lease: Lease, most: Bounds) -> int:
    """One look at all keys; how many items were set aside. Raises LeaseLost, NotReady."""
    aside = 0
    for used in await bounds.usage(pool, lease.schema, now()):
        found = PAGE if _is_beyond(used, most) else 0
        while found == PAGE:
            moment = now()
            act = Act(ACTOR, "", rfc3339(moment), new_traceparent())
            found = await keep_within(turns, lease, used.key, most, act, moment)
            aside += found
    if aside:
        _logger.warning("%d refused items were set aside: beyond the bounds of their keys", aside)
    return aside


def _is_beyond(used: Usage, most: Bounds) -> bool:
    return used.items > most.items or used.bytes > most.bytes or used.days > most.days
