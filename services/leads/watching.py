"""Leads whose scores come to something, and customers whose interest does.

Whoever something new was folded of stands in `pending`, written with the fold. A look decides
about the scores of their open leads, and opens one where interest is enough, but none of a customer
who is not to be contacted: whoever asks for something has a lead all the same. Only then is the row
deleted. A look that ends on the way is done again, and what was decided is no news then.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from services.leads.bounds import SHORT
from services.leads.commands import CaptureLead, JudgeLead
from services.leads.decider import LEAD, PIPELINE, ROUTING, SCORING
from services.leads.decider.lead import scope
from services.leads.decider.pipeline import stream_of
from services.leads.decider.routing import STREAM as ROUTES
from services.leads.decider.scoring import STREAM
from services.leads.part import Bars
from services.leads.policies import TITLES
from services.leads.queries import many_scores, watched
from services.leads.queries.many_scores import Known, Members
from services.leads.queries.scores import Horizon
from services.leads.queries.watched import Lead
from services.leads.routes import Ordered, Routing
from services.leads.scoring import Happening, score, wanting
from services.leads.states import Scored, Scoring
from shared.checkpoints import transaction
from shared.clock import now, rfc3339
from shared.database import Pool, in_schema, is_transient
from shared.deciding.command_handler import CommandHandler
from shared.deciding.store import Origin
from shared.errors import Conflict, DatabaseUnavailable, NotFound, Problem
from shared.ids import event_id
from shared.leases import Lease

EVERY = 1.0
"""Seconds between two looks where nobody is to be looked at."""

PAGE = 300
"""Rows of `pending` in one look."""

SWEPT = 50_000
"""Rows deleted after which their space is given back."""

SOURCE = "interest"
"""The source of a lead that interest opened."""

_ORIGIN = Origin("service:leads")
_logger = logging.getLogger("rapport.leads.watching")


class Look(NamedTuple):
    """What a look goes by: the rules, the moment, whom, their leads and what is known of them."""

    rules: Scored
    asked: tuple[int, ...]  # points, by rules of routing
    at: datetime
    whose: Members
    leads: Sequence[Lead]
    known: Mapping[str, Known]

    def subjects_of(self, customer: str) -> list[str]:
        return [each for each, whose in self.whose.customers.items() if whose == customer]

    def open_in(self, customer: str, pipeline: str) -> bool:
        return any(
            (each.customer, each.pipeline, each.closed) == (customer, pipeline, None)
            for each in self.leads
        )

    def since(self, customer: str, pipeline: str) -> str:
        """When the customer's last lead there was closed; empty text where there was none."""
        closed = [
            each.closed
            for each in self.leads
            if each.closed is not None and (each.customer, each.pipeline) == (customer, pipeline)
        ]
        return rfc3339(max(closed)) if closed else ""


def watching(source: str, bars: Sequence[Bars]) -> Callable[[Pool, Lease], Awaitable[None]]:
    """What looks at scores; for the schema that serves alone. `bars`: see `Part`."""

    async def run(pool: Pool, lease: Lease) -> None:
        """Look until cancelled; what is away is waited for. Raises LeaseLost."""
        handler = CommandHandler(pool, source)
        failing, swept = False, 0
        while True:
            try:
                done = await look(pool, handler, lease, bars)
                swept = await _give_back(pool, lease.schema, swept + done)
                failing = False
            except Exception as error:
                if not (isinstance(error, DatabaseUnavailable) or is_transient(error)):
                    raise
                if not failing:
                    _logger.warning("scores are not looked at: %r", error)
                done, failing = 0, True
            if done < PAGE:
                await asyncio.sleep(EVERY)

    return run


async def _give_back(pool: Pool, schema: str, deleted: int) -> int:
    """The space of deleted rows, now and then: a scan reads the dead ones too."""
    if deleted < SWEPT:
        return deleted
    await pool.execute(in_schema("VACUUM {s}.pending", schema))
    return 0


async def look(pool: Pool, handler: CommandHandler, lease: Lease, bars: Sequence[Bars]) -> int:
    """One look; how many rows were worked off."""
    async with pool.acquire() as connection:
        page = await watched.page(connection, lease.schema, PAGE)
    if not page.places:
        return 0
    rules: Scoring = (await handler.load(SCORING, STREAM)).state
    subjects = {subject: found for subject, found in page.subjects.items() if subject != STREAM}
    if isinstance(rules, Scored) and subjects:
        routes: Routing = (await handler.load(ROUTING, ROUTES)).state
        found = await _looked(pool, lease.schema, rules, _asked(routes), subjects)
        await _decide(handler, found, subjects, bars)
    async with transaction(pool) as connection:
        await lease.guard(connection)
        await watched.done(connection, lease.schema, page.places)
        if STREAM in page.subjects:  # there are other rules
            await watched.everybody(connection, lease.schema)
    return len(page.places)


def _asked(routes: Routing) -> tuple[int, ...]:
    """The points that rules of routing ask for."""
    rules = routes.rules if isinstance(routes, Ordered) else ()
    return tuple(sorted({each.score_at_least for each in rules if each.score_at_least}))


async def _looked(
    pool: Pool, schema: str, rules: Scored, asked: tuple[int, ...], subjects: Mapping[str, bool]
) -> Look:
    """What is known of those who have an open lead, or may come to have one."""
    at = now()
    interest = rules.rules.interest
    async with (
        pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        whose = await many_scores.members(connection, schema, subjects)
        leads = await watched.leads(connection, schema, whose)
        having = {each.customer for each in leads if each.closed is None}
        chosen = {
            subject: customer
            for subject, customer in whose.asked.items()
            if customer in having or (interest is not None and subjects[subject])
        }
        theirs = {*chosen.values()}
        narrow = Members(chosen, {each: to for each, to in whose.customers.items() if to in theirs})
        known = await many_scores.known_of(connection, schema, rules, narrow, Horizon(at, at))
    return Look(rules, asked, at, narrow, leads, known)


async def _decide(
    handler: CommandHandler, found: Look, subjects: Mapping[str, bool], bars: Sequence[Bars]
) -> None:
    by_customer = {found.whose.asked[subject]: known for subject, known in found.known.items()}
    for lead in found.leads:
        if lead.closed is None and lead.customer in by_customer:
            await _judge(handler, found, lead, by_customer[lead.customer])
    for subject in found.whose.asked:
        if subjects[subject]:
            await _open(handler, found, subject, bars)


async def _judge(handler: CommandHandler, found: Look, lead: Lead, known: Known) -> None:
    at, rules = rfc3339(found.at), found.rules.rules
    points = score(found.rules, known.happenings, known.person, at)
    reached = any(points.points >= each for each in found.asked)
    if not (points.hot or reached) and points.failed is None:
        return
    command = JudgeLead(
        version=points.version,
        points=points.points,
        hot=rules.hot,
        failed=points.failed,
        asked=found.asked,
        at=at,
    )
    try:
        await handler.carry_out(LEAD, lead.lead, command, _ORIGIN, partitionkey=lead.subject)
    except (Conflict, NotFound):
        return  # it was closed meanwhile


def is_interest(happening: Happening) -> bool:
    """Whether it may open a lead by its score: not what asks for something, which opens one
    itself, and not what a partner did."""
    return happening.type not in TITLES and happening.channel != "partner"


async def _open(handler: CommandHandler, found: Look, subject: str, bars: Sequence[Bars]) -> None:
    """A lead of a customer who has none there, since the last one was closed, and is not barred."""
    interest, customer = found.rules.rules.interest, found.whose.asked[subject]
    if interest is None or found.open_in(customer, interest.pipeline):
        return
    since = found.since(customer, interest.pipeline)
    happenings = [
        each for each in found.known[subject].happenings if each.at > since and is_interest(each)
    ]
    wanted = wanting(found.rules, happenings, rfc3339(found.at))
    if wanted is None or await handler.holder(scope(interest.pipeline), [subject]):
        return
    theirs = found.subjects_of(customer)
    if any([await bar(handler, theirs) for bar in bars]):
        return
    command = CaptureLead(
        pipeline=(await handler.load(PIPELINE, stream_of(interest.pipeline))).state,
        subject=subject,
        source=SOURCE,
        channel=wanted.last.channel,
        title=f"Interest: {wanted.product}"[:SHORT],
        product=wanted.product[:SHORT],
        interaction=wanted.last.event,
        at=rfc3339(found.at),
    )
    stream = event_id("interest", f"{interest.pipeline}/{wanted.last.event}")
    try:
        await handler.carry_out(LEAD, stream, command, _ORIGIN, partitionkey=subject)
    except Problem as problem:
        if problem.status >= 500:
            raise
        if problem.code in ("unknown_pipeline", "pipeline_retired"):
            _logger.warning("interest opens no lead in %s: %s", interest.pipeline, problem.detail)
