"""What happened with a lead, whatever it is told by."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from services.leads.api import documents
from services.leads.api.context import cursors_of, lead, schema_of, site_of
from services.leads.history import queries
from services.leads.history.queries import KINDS, Kind
from shared.auth import Key, require
from shared.documents import answers
from shared.http import conditional, page
from shared.parameters import Page

router = APIRouter(tags=["leads"])
Reader = Annotated[Key, Depends(require("read"))]


class Happened(Page):
    """Which events."""

    kind_eq: list[Kind] | None = Field(
        None,
        alias="filter[kind][eq]",
        max_length=len(KINDS),
        description="Any of these kinds; may be repeated. Left out: all.",
    )


@router.get(
    "/v1/leads/{id}/history",
    summary="What happened with a lead",
    responses=answers(documents.HISTORY, 304, 404),
    response_class=Response,
)
async def what_happened(
    request: Request, id: UUID, parameters: Annotated[Happened, Query()], key: Reader
) -> Response:
    """A page of what was decided about a lead, in the order in which it was, the newest last.

    `kind` says about what: the `lead` itself (notes and reports of visits among its events), its
    `follow_up` (steps, appointments, tactics), its `opportunity`, or a `quote`; `stream` is which
    one, and `version` counts its events. `actor` is who wanted it, `causationid` the event that it
    follows from where it does, `data` what the event says. `recorded` is when it was appended,
    `position` its place in the log. Partners are told of the lead itself.
    """
    site = site_of(request)
    kept = await lead(request, key, id)
    kinds = _kinds(parameters, key)
    schema = await schema_of(site, parameters.min_position)
    name = f"/v1/leads/{kept.stream}/history {kinds}"
    after = cursors_of(site).read(name, parameters.cursor)
    place = int(after[0] or 0) if after else 0
    async with site.pool.acquire() as connection:
        rows = await queries.page(connection, schema, kept.stream, kinds, place, parameters.limit)
    shown = rows[: parameters.limit]
    more = len(rows) > parameters.limit
    cursor = cursors_of(site).write(name, [shown[-1][0]]) if more else None
    return conditional(request, page([row[1] for row in shown], cursor))


def _kinds(parameters: Happened, key: Key) -> Sequence[Kind]:
    seen: Sequence[Kind] = ("lead",) if key.principal.startswith("partner:") else KINDS
    return [kind for kind in seen if kind in (parameters.kind_eq or seen)]
