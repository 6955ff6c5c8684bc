"""What happened to a lead."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from services.leads.api import documents
from services.leads.api.context import cursors_of, lead, schema_of, site_of
from services.leads.queries import history
from shared.auth import Key, require
from shared.documents import answers
from shared.http import conditional, page
from shared.parameters import Page

router = APIRouter(tags=["leads"])
Reader = Annotated[Key, Depends(require("read"))]


@router.get(
    "/v1/leads/{id}/history",
    summary="What happened to a lead",
    responses=answers(documents.HISTORY, 304, 404),
    response_class=Response,
)
async def what_happened(
    request: Request, id: UUID, parameters: Annotated[Page, Query()], key: Reader
) -> Response:
    """A page of the events of a lead, in the order of its versions, the newest last.

    `actor` is who wanted it, `causationid` the event that it follows from where it does, `data`
    what the event says. `recorded` is when it was appended, `position` its place in the log.
    """
    site = site_of(request)
    kept = await lead(request, key, id)
    schema = await schema_of(site, parameters.min_position)
    name = f"/v1/leads/{kept.stream}/history"
    after = cursors_of(site).read(name, parameters.cursor)
    version = int(after[0] or 0) if after else 0
    async with site.pool.acquire() as connection:
        rows = await history.page(connection, schema, kept.stream, version, parameters.limit)
    shown = rows[: parameters.limit]
    more = len(rows) > parameters.limit
    cursor = cursors_of(site).write(name, [shown[-1][0]]) if more else None
    return conditional(request, page([row[1] for row in shown], cursor))
