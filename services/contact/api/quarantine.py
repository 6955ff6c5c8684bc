"""The quarantine: what was refused at the door."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from services.contact.api.context import mark_of, page_of, schema_of, site_of
from services.contact.api.documents import QUARANTINE, QUARANTINED
from services.contact.api.parameters import Refused
from services.contact.queries import quarantine
from shared.auth import Key, require
from shared.documents import answers
from shared.errors import NotFound
from shared.http import conditional
from shared.parameters import Parameters

router = APIRouter(tags=["quarantine"])
Operator = Annotated[Key, Depends(require("ops"))]


@router.get(
    "/v1/quarantine",
    summary="What was refused at the door",
    responses=answers(QUARANTINE, 304),
    response_class=Response,
)
async def all_refused(
    request: Request, parameters: Annotated[Refused, Query()], key: Operator
) -> Response:
    """A page of what was refused and kept, newest first, each with the reasons; without bytes."""
    site = site_of(request)
    schema = await schema_of(site, parameters.min_position)
    chosen = (parameters.since, parameters.until, parameters.key, parameters.code)
    name = f"quarantine {chosen}"
    mark = mark_of(site, name, parameters.cursor)
    window = quarantine.Window(*chosen, parameters.limit, quarantine.Mark(*mark) if mark else None)
    rows = await quarantine.page(site.pool, schema, window)
    return conditional(request, page_of(site, name, rows, parameters.limit))


@router.get(
    "/v1/quarantine/{id}",
    summary="One that was refused, with its exact bytes",
    responses=answers(QUARANTINED, 304, 404),
    response_class=Response,
)
async def one_refused(
    request: Request, id: UUID, parameters: Annotated[Parameters, Query()], key: Operator
) -> Response:
    """What came, byte for byte in base64; with the key that sent it, and why it was refused."""
    site = site_of(request)
    schema = await schema_of(site, parameters.min_position)
    found = await quarantine.one(site.pool, schema, str(id))
    if found is None:
        raise NotFound("Nothing of this id was refused.")
    return conditional(request, found.encode())
