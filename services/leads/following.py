"""Leads in stages that a changed pipeline has removed go where it says."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from services.leads.commands import FollowPipeline
from services.leads.decider import LEAD, PIPELINE
from services.leads.states import Defined, Pipeline, Retired
from shared.clock import now, rfc3339
from shared.database import Pool, in_schema, is_transient
from shared.deciding.command_handler import CommandHandler
from shared.deciding.store import Origin
from shared.errors import Conflict
from shared.leases import Lease

EVERY = 2.0
"""Seconds between two looks."""

PAGE = 500
"""Leads of one pipeline in one step."""

_ORIGIN = Origin("service:leads")
_logger = logging.getLogger("rapport.leads.following")


class Removed(NamedTuple):
    """A pipeline, and the stages that it had and has no more."""

    pipeline: Pipeline
    name: str
    stages: list[str]


def following(source: str) -> Callable[[Pool, Lease], Awaitable[None]]:
    """What lets leads follow; for the schema that serves alone."""

    async def run(pool: Pool, lease: Lease) -> None:
        """Follow until cancelled; what is away is waited for."""
        handler = CommandHandler(pool, source)
        failing = False
        while True:
            try:
                moved = await follow(pool, handler, lease.schema)
                failing = False
            except Exception as error:
                if not is_transient(error):
                    raise
                if not failing:
                    _logger.warning("leads do not follow their pipelines: %r", error)
                moved, failing = 0, True
            if not moved:
                await asyncio.sleep(EVERY)

    return run


async def follow(pool: Pool, handler: CommandHandler, schema: str) -> int:
    """One step for every pipeline; how many leads were moved.

    Which leads there are is read from the view; that a lead has followed already, or was closed
    meanwhile, is no news.
    """
    moved = 0
    for removed in await _removed(pool, handler):
        sql = in_schema(_IN_STAGES, schema)
        rows = await pool.fetch(sql, removed.name, removed.stages, PAGE)
        for row in rows:
            moved += await _follow(handler, str(row["lead"]), str(row["subject"]), removed)
    return moved


async def _follow(handler: CommandHandler, lead: str, subject: str, removed: Removed) -> int:
    command = FollowPipeline(pipeline=removed.pipeline, at=rfc3339(now()))
    try:
        handled = await handler.carry_out(LEAD, lead, command, _ORIGIN, partitionkey=subject)
    except Conflict:
        return 0  # it was closed meanwhile
    return len(handled.events)


async def _removed(pool: Pool, handler: CommandHandler) -> list[Removed]:
    rows = await pool.fetch("SELECT stream FROM streams WHERE category = $1", PIPELINE.category)
    kept = await handler.load_all(PIPELINE, [str(row["stream"]) for row in rows])
    found = []
    for each in kept.values():
        state: Pipeline = each.state
        was = state.was if isinstance(state, Retired) else state
        if isinstance(was, Defined) and was.replaced:
            found.append(Removed(state, was.name, [*was.replaced]))
    return found


_IN_STAGES = """
SELECT lead, subject FROM {s}.leads
WHERE pipeline = $1 AND state = 'open' AND stage = ANY ($2::text[])
ORDER BY lead LIMIT $3
"""
