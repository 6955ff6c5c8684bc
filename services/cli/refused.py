"""What the commands of the quarantine do: with a door of their own, services up or down."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import msgspec

from services.cli.jobs import progress
from services.cli.reach import Reach, log_of, pool_of
from services.contact import discarding, keys
from services.contact.closing import Act
from services.contact.consumers import DECLARATIONS, INTERACTIONS, QUARANTINE
from services.contact.declared.following import Following
from services.contact.door import Door
from services.contact.driving import Driver
from services.contact.intake import Intake
from services.contact.lanes import Topics
from services.contact.patching import Fix
from services.contact.queries import quarantine
from services.contact.queries.quarantine import Chosen, Mark, Window
from services.contact.turns import Turns
from shared import deployment
from shared.clock import now, rfc3339
from shared.database import Pool
from shared.errors import Fatal, NotFound
from shared.log import topic_name
from shared.telemetry import new_traceparent

ACTOR = "service:rapport"
"""Who acts where the command does."""


@dataclass(frozen=True)
class At:
    """The quarantine of a deployment, at hand."""

    pool: Pool
    schema: str
    turns: Turns
    driver: Driver


async def _serving(pool: Pool) -> str:
    found = await pool.fetchval("SELECT schema FROM live WHERE service = 'contact'")
    if found is None:
        raise Fatal("The service contact has no view yet; start it once.")
    return str(found)


async def listed(place: Reach, chosen: Chosen, limit: int) -> list[dict[str, Any]]:
    """Items of some kind, newest first."""
    async with pool_of(place, "contact") as pool:
        rows = await quarantine.page(pool, await _serving(pool), Window(chosen, limit))
    return [msgspec.json.decode(row) for _, row in rows[:limit]]


async def one(place: Reach, id: str) -> dict[str, Any]:
    """An item with its bytes. Raises NotFound."""
    async with pool_of(place, "contact") as pool:
        found = await quarantine.one(pool, await _serving(pool), id)
    if found is None:
        raise NotFound("Nothing of this id was refused.")
    item: dict[str, Any] = msgspec.json.decode(found)
    return item


@asynccontextmanager
async def _at(place: Reach) -> AsyncIterator[At]:
    """The quarantine with a door of its own: the very one that the service has."""
    prefix = place.settings.topic_prefix
    async with log_of(place) as log, pool_of(place, "contact") as pool:
        secret = deployment.secret(place.settings)
        await deployment.recognise(pool, secret)
        rows = {row["topic"]: row for row in await pool.fetch("SELECT * FROM topics")}
        names = [
            topic_name(prefix, each.name, rows[each.name]["generation"])
            for each in (INTERACTIONS, QUARANTINE, DECLARATIONS)
        ]
        partitions = rows[QUARANTINE.name]["partitions"]
        topics = Topics(names[0], names[1], partitions)
        declared = Following(log, names[2], partitions)
        door = Door(
            *(log, keys.StoredKeyring(pool), Intake(secret, declared.rules), topics),
            declared=declared,
        )
        turns = Turns(pool, log, topics, prefix)
        yield At(pool, await _serving(pool), turns, Driver(turns, door))


def _act() -> Act:
    return Act(ACTOR, "", rfc3339(now()), new_traceparent())


async def drive_one(place: Reach, id: str, fix: Fix, *, dry_run: bool) -> dict[str, Any]:
    """See Driver.drive."""
    async with _at(place) as at:
        return await at.driver.drive(at.schema, id, _act(), fix, dry_run=dry_run)


async def drive_all(
    place: Reach, chosen: Chosen, fix: Fix, dry_run: bool, *, quiet: bool
) -> list[dict[str, Any]]:
    """Drive all that are chosen, page by page; what became of each."""
    results: list[dict[str, Any]] = []
    after: Mark | None = None
    async with _at(place) as at:
        total = await quarantine.count(at.pool, at.schema, chosen)
        with progress(quiet=quiet) as tell:
            while True:
                tell("driving", len(results), max(total, len(results)))
                page = await at.driver.drive_page(
                    at.schema, chosen, _act(), fix, after=after, dry_run=dry_run
                )
                results += page.results
                after = page.after
                if after is None:
                    return results


async def discard_one(place: Reach, id: str, reason: str) -> None:
    """See discarding.discard."""
    async with _at(place) as at:
        await discarding.discard(at.turns, at.schema, id, _act(), reason)


async def discard_all(place: Reach, chosen: Chosen, reason: str, *, quiet: bool) -> int:
    """Give all up that are chosen; how many."""
    done = 0
    async with _at(place) as at:
        total = await quarantine.count(at.pool, at.schema, chosen)
        with progress(quiet=quiet) as tell:
            while True:
                tell("giving up", done, max(total, done))
                ids = await discarding.discard_page(at.turns, at.schema, chosen, _act(), reason)
                done += len(ids)
                if not ids:
                    return done
