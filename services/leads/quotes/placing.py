"""Accepted quotes place their orders, each once, through contact's door."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

import httpx
import msgspec

from services import banner
from services.leads.part import SOURCE
from services.leads.quotes import orders
from services.leads.quotes.commands import NoteOrdered, NoteOrderRefused
from services.leads.quotes.decider import QUOTE
from services.leads.quotes.states import Accepted
from shared.clock import now, rfc3339
from shared.database import Pool, in_schema, is_transient
from shared.deciding.command_handler import CommandHandler
from shared.deciding.store import Origin
from shared.errors import Conflict, Problem
from shared.failpoints import failpoint
from shared.leases import Lease, Single
from shared.outcomes import describe
from shared.service import Site
from shared.settings import Settings

EVERY = 1.0
"""Seconds between two looks."""

LONGEST_PAUSE = 60.0
"""Seconds until the next look, at most, while the door does not answer; from EVERY, doubling."""

PAGE = 100
"""Orders in one look."""

_NOT_THE_ORDER = frozenset({401, 403, 404, 408, 421, 425, 429})
"""Answers that are about the key, the way or the rate: waited for, as what is away is."""

_LONGEST, _SHORT = 2_000, 200
"""Characters of what the door said that are kept: of its sentence, of a code or pointer."""

_ORIGIN = Origin("service:leads")
_logger = logging.getLogger("rapport.leads.placing")


class Away(Exception):
    """The door did not take or refuse the order: it is to be sent again."""


class Taken(NamedTuple):
    """The order is in the log, at that position."""

    position: str


class Refused(NamedTuple):
    """The door refuses it, as it would again."""

    status: int
    code: str
    detail: str
    pointers: tuple[str, ...] = ()


class _Answer(msgspec.Struct):
    position: str


class _Error(msgspec.Struct):
    pointer: str = ""


class _Problem(msgspec.Struct):
    code: str = "refused"
    detail: str = ""
    errors: list[_Error] = []


Door = Callable[[dict[str, Any]], Awaitable[Taken | Refused]]
"""Where an order goes; raises Away."""


def placing(site: Site) -> Sequence[Single]:
    """What places orders; for the schema that serves alone."""

    async def run(pool: Pool, lease: Lease) -> None:
        """Place orders until cancelled; what is away is waited for."""
        handler, pause, waiting = CommandHandler(pool, SOURCE), EVERY, False
        while True:
            try:
                placed = await place(pool, handler, lease.schema, door(site))
                pause, waiting = EVERY, False
            except Exception as error:
                if not (isinstance(error, Away) or is_transient(error)):
                    raise
                if not waiting:  # said once until it works again
                    _logger.warning("orders of accepted quotes wait: %s", describe(error))
                placed, pause, waiting = 0, min(2 * pause, LONGEST_PAUSE), True
            if placed < PAGE:
                await asyncio.sleep(pause)

    return (Single("orders", run, live_only=True),)


async def place(pool: Pool, handler: CommandHandler, schema: str, send: Door) -> int:
    """One look: every order that is to be placed, oldest first; how many were.

    Which there are is read from the view, how they stand from their streams. Raises Away once all
    were tried, where one could be neither placed nor refused.
    """
    rows = await pool.fetch(in_schema(_TO_PLACE, schema), PAGE)
    placed = 0
    away: Away | None = None
    for row in rows:
        try:
            placed += await _place(handler, str(row["quote"]), send)
        except Away as error:
            away = error
            if isinstance(error.__cause__, httpx.TransportError):
                break  # nobody is there: the others wait too
    if away is not None:
        raise away
    return placed


async def _place(handler: CommandHandler, quote: str, send: Door) -> int:
    """Sent again after a kill it is the same event, which the log counts once."""
    kept = await handler.load(QUOTE, quote)
    if not isinstance(kept.state, Accepted) or kept.state.refused is not None:
        return 0  # the view lags
    event = orders.event_of(quote, kept.state)
    answer = await send(event)
    failpoint("neighbour.answered")
    at = rfc3339(now())
    command = (
        NoteOrdered(source=event["source"], id=event["id"], position=answer.position, at=at)
        if isinstance(answer, Taken)
        else NoteOrderRefused(**answer._asdict(), at=at)
    )
    try:
        handled = await handler.carry_out(
            QUOTE, quote, command, _ORIGIN, partitionkey=str(kept.partitionkey)
        )
    except Conflict:
        return 0  # another worker was faster
    return len(handled.events)


def door(site: Site) -> Door:
    """Contact's, over HTTP, with the key that orders come in with."""

    async def send(event: dict[str, Any]) -> Taken | Refused:
        headers = {
            "Authorization": f"Bearer {key(site.settings)}",
            "Content-Type": "application/cloudevents+json",
        }
        try:
            client = site.neighbours.client("contact")
            answer = await client.post(
                "/v1/events", content=msgspec.json.encode(event), headers=headers
            )
        except (httpx.HTTPError, Problem) as error:
            raise Away(describe(error)) from error
        return answered(answer)

    return send


def key(settings: Settings) -> str:
    """Raises Away where there is none yet."""
    found = settings.orders_key or banner.keys(settings.data).get("ingest")
    if found is None:
        raise Away("there is no key that orders come in with: set RAPPORT_ORDERS_KEY")
    return found


def answered(answer: httpx.Response) -> Taken | Refused:
    """What the door answered. Raises Away where that is neither yes nor no."""
    status = answer.status_code
    try:
        if answer.is_success:
            return Taken(msgspec.json.decode(answer.content, type=_Answer).position)
        if not 400 <= status < 500 or status in _NOT_THE_ORDER:
            raise Away(f"contact answers {status}: {answer.text[:200]!r}")
        problem = msgspec.json.decode(answer.content, type=_Problem)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Away(f"contact answers {status} with what is no answer of its own") from error
    pointers = tuple(_kept(each.pointer, _SHORT) for each in problem.errors[:20])
    return Refused(status, _kept(problem.code, _SHORT), _kept(problem.detail, _LONGEST), pointers)


def _kept(text: str, most: int) -> str:
    """What can be kept: without what PostgreSQL has no text for."""
    return text[:most].replace("\0", "")


_TO_PLACE = """
SELECT quote FROM {s}.quotes WHERE ordering = 'pending' ORDER BY accepted_at, quote LIMIT $1
"""
