"""Discarding: refused items are given up, by somebody or because there are too many."""

from datetime import datetime
from typing import Any

from services.contact import closing
from services.contact.closing import BOUND, Act
from services.contact.queries import bounds, quarantine
from services.contact.queries.bounds import Bounds
from services.contact.queries.quarantine import Chosen
from services.contact.turns import Turns, item_of
from shared.errors import Conflict
from shared.leases import Lease

PAGE = 500
"""Items that are given up together at most."""


async def discard(turns: Turns, schema: str, id: str, act: Act, reason: str) -> dict[str, Any]:
    """Give one item up. Raises NotFound, Conflict for one that was driven, NotReady."""
    async with turns.turn(schema) as connection:
        item = await item_of(connection, schema, id)
        if item["state"] == "driven":
            raise Conflict("This was driven: it is in the log as an event.", code="driven")
        if item["state"] == "discarded":
            return {"id": id, "status": "discarded", "again": True}
        (position,) = await turns.keep([closing.discarded(id, act, reason)])
    return {"id": id, "status": "discarded", "position": position}


async def discard_page(
    turns: Turns, schema: str, chosen: Chosen, act: Act, reason: str, limit: int = PAGE
) -> list[str]:
    """Give the oldest open items up: their ids. Raises NotReady."""
    async with turns.turn(schema) as connection:
        marks = await quarantine.oldest(connection, schema, chosen, None, limit)
        await turns.keep([closing.discarded(mark.id, act, reason) for mark in marks])
    return [mark.id for mark in marks]


async def keep_within(
    turns: Turns, lease: Lease, key: str, most: Bounds, act: Act, now: datetime
) -> int:
    """Set the oldest items of a key aside that are beyond its bounds; how many, a page at most.

    Raises LeaseLost, NotReady.
    """
    async with turns.turn(lease.schema) as connection:
        await lease.guard(connection)
        beyond = await bounds.beyond(connection, lease.schema, key, most, now, PAGE)
        await turns.keep([closing.discarded(id, act, BOUND, which) for id, which in beyond])
    return len(beyond)
