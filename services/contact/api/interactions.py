"""The history: what happened, one interaction whole, how many there were."""

from datetime import date, timedelta
from typing import Annotated
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response

from services.contact.api.context import mark_of, page_of, schema_of, site_of
from services.contact.api.documents import COUNTS, INTERACTION, INTERACTIONS, TWINS
from services.contact.api.parameters import Counted, History, One
from services.contact.queries import interactions
from services.contact.queries.interactions import Mark, Whose, Window
from shared.auth import Key, require
from shared.clock import now
from shared.documents import answers
from shared.errors import Conflict, NotFound
from shared.http import conditional, wrong_parameter

MOST_DAYS = 366
DAYS = 30
"""Days that are counted where none are named."""

router = APIRouter(tags=["interactions"])
Reader = Annotated[Key, Depends(require("read"))]


@router.get(
    "/v1/interactions",
    summary="What happened with a customer",
    responses=answers(INTERACTIONS, 304),
    response_class=Response,
)
async def history(
    request: Request, parameters: Annotated[History, Query()], key: Reader
) -> Response:
    """A page of the interactions of a customer or of one subject, newest first.

    One of `customer` and `subject` is needed. `time` is when it happened, but never later than it
    was recorded. What is added to a customer between two pages does not shift them.
    """
    site = site_of(request)
    whose = _whose(parameters)
    if whose is None:
        raise wrong_parameter("customer", "required", "Name a `customer` or a `subject`.")
    schema = await schema_of(site, parameters.min_position)
    chosen = (
        parameters.since,
        parameters.until,
        parameters.channel,
        parameters.type,
        parameters.direction,
    )
    name = f"interactions {whose} {chosen}"
    mark = mark_of(site, name, parameters.cursor)
    window = Window(*chosen, parameters.limit, Mark(*mark) if mark else None)
    rows = await interactions.page(site.pool, schema, whose, window)
    return conditional(request, page_of(site, name, rows, parameters.limit))


def _whose(parameters: History | Counted) -> Whose | None:
    if parameters.customer and parameters.subject:
        raise wrong_parameter("subject", "combination", "Either `customer` or `subject`, not both.")
    if parameters.customer:
        return Whose(str(parameters.customer), True)
    return Whose(str(parameters.subject), False) if parameters.subject else None


@router.get(
    "/v1/interactions/counts",
    summary="Interactions per day and channel",
    responses=answers(COUNTS, 304),
    response_class=Response,
)
async def counts(
    request: Request, parameters: Annotated[Counted, Query()], key: Reader
) -> Response:
    """How many interactions there were on each day (UTC) by channel.

    Of a customer, of one subject, or, with neither, of all. At most 366 days; a day and channel
    with none is left out.
    """
    site = site_of(request)
    whose = _whose(parameters)
    days = _days(parameters)
    schema = await schema_of(site, parameters.min_position)
    rows = await interactions.counts(
        site.pool, schema, whose, days, parameters.channel, parameters.type
    )
    content = {
        "from": days[0],
        "to": days[1],
        "data": [msgspec.Raw(row.encode()) for row in rows],
    }
    return conditional(request, msgspec.json.encode(content))


def _days(parameters: Counted) -> tuple[date, date]:
    until = parameters.until
    if until is None:
        until = now().date() + timedelta(days=1)
        if parameters.since is not None:
            until = max(until, parameters.since + timedelta(days=1))
    since = parameters.since or until - timedelta(days=DAYS)
    if not timedelta(0) < until - since <= timedelta(days=MOST_DAYS):
        raise wrong_parameter(
            "from", "range", f"From `from` to `to` there are 1 to {MOST_DAYS} days."
        )
    return since, until


@router.get(
    "/v1/interactions/{event}",
    summary="One interaction whole",
    responses=answers(INTERACTION, 304, 404, 409, particulars={409: TWINS}),
    response_class=Response,
)
async def one_interaction(
    request: Request, event: UUID, parameters: Annotated[One, Query()], key: Reader
) -> Response:
    """The event as it stands in the log, its position, and the customer it belongs to now.

    `event` is the hash of the event's source and id. Where several subjects have an event of the
    same name, 409 lists them (at most 100), and `subject` chooses one.
    """
    site = site_of(request)
    schema = await schema_of(site, parameters.min_position)
    subject = str(parameters.subject) if parameters.subject else None
    async with site.pool.acquire() as connection:
        found, twins = await interactions.whole(connection, schema, str(event), subject)
    if found is None:
        raise NotFound("No such interaction is known.")
    if len(twins) > 1:
        raise Conflict(
            "Several subjects have an event of this name; choose one with `subject`.",
            code="several_subjects",
            extra={"subjects": [msgspec.Raw(twin.encode()) for twin in twins]},
        )
    return conditional(request, found.encode())
