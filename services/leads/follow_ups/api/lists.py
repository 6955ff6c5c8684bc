"""Lists of what there is to do, and of appointments."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from services.leads.api.context import cursors_of, schema_of, site_of
from services.leads.follow_ups.api import documents
from services.leads.follow_ups.api.context import limited
from services.leads.follow_ups.api.parameters import Appointments, Steps
from services.leads.follow_ups.queries import lists
from services.leads.follow_ups.queries.lists import Listing, Shown
from services.leads.queries.filters import Filter
from shared.auth import Key, require
from shared.documents import answers
from shared.http import conditional, page
from shared.service import Site

router = APIRouter(tags=["follow-ups"])
Reader = Annotated[Key, Depends(require("read"))]


@router.get(
    "/v1/follow-ups",
    summary="The list of steps",
    responses=answers(documents.STEPS, 304),
    response_class=Response,
)
async def all_steps(
    request: Request, parameters: Annotated[Steps, Query()], key: Reader
) -> Response:
    """A page of steps of all leads, those due first; by default those that are to be done.

    `state` is pending, due (the moment came), overdue (its time of grace is over too), done,
    skipped or cancelled. A representative sees those of the leads that it sees.
    """
    site = site_of(request)
    states = sorted({*(parameters.state_eq or lists.STATES[:3])})
    filters = (*parameters.filters("state_eq"), *await limited(request, key))
    name = f"/v1/follow-ups {parameters.sort} {states} {filters}"
    listing = _listing(site, name, parameters, filters)
    schema = await schema_of(site, parameters.min_position)
    async with site.pool.acquire() as connection:
        rows = await lists.steps(connection, schema, states, listing)
    return _page(request, name, listing.limit, rows)


@router.get(
    "/v1/appointments",
    summary="The list of appointments",
    responses=answers(documents.APPOINTMENTS, 304),
    response_class=Response,
)
async def all_appointments(
    request: Request, parameters: Annotated[Appointments, Query()], key: Reader
) -> Response:
    """A page of appointments, those that begin first first: booked, kept or cancelled."""
    site = site_of(request)
    filters = (*parameters.filters(), *await limited(request, key))
    name = f"/v1/appointments {parameters.sort} {filters}"
    listing = _listing(site, name, parameters, filters)
    schema = await schema_of(site, parameters.min_position)
    async with site.pool.acquire() as connection:
        rows = await lists.appointments(connection, schema, listing)
    return _page(request, name, listing.limit, rows)


def _listing(
    site: Site,
    name: str,
    parameters: Steps | Appointments,
    filters: tuple[Filter, ...],
) -> Listing:
    after = cursors_of(site).read(name, parameters.cursor)
    place = tuple(str(part) for part in after) if after else None
    return Listing(filters, parameters.sort.startswith("-"), parameters.limit, place)


def _page(request: Request, name: str, limit: int, rows: Sequence[Shown]) -> Response:
    shown = rows[:limit]
    more = len(rows) > limit
    cursor = cursors_of(site_of(request)).write(name, [*shown[-1].place]) if more else None
    return conditional(request, page([row.shown for row in shown], cursor))
