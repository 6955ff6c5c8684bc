"""Why a customer's profile says what it says."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from services.profile.api import documents
from services.profile.api.context import cursors_of, schema_of, site_of, snapshot
from services.profile.api.parameters import Why
from services.profile.queries.explain import FIELDS, explain, is_field
from services.profile.queries.timeline import Mark
from shared.auth import Key, require
from shared.errors import BadRequest, FieldError, NotFound
from shared.http import json_response

router = APIRouter(tags=["customers"])
Reader = Annotated[Key, Depends(require("read"))]


@router.get(
    "/v1/customers/{id}/explain",
    summary="The events behind a value",
    responses=documents.explained(404),
    response_class=Response,
)
async def why(
    request: Request, id: UUID, parameters: Annotated[Why, Query()], key: Reader
) -> Response:
    """A value of the present profile, the rule that makes it, and a page of the events behind it.

    Newest first, each with the key that let it in and what it `contributed`. What does not stand
    (a trait that was overwritten, an order that was cancelled) is there too, with the `reason`.
    A page may hold fewer than asked for, even none: the list ends where `next_cursor` is null.
    Why identifiers belong to the customer is told by `belonging`.
    """
    if not is_field(parameters.field):
        raise _no_field(parameters.field)
    site = site_of(request)
    schema = await schema_of(site, parameters.min_position)
    name = f"explain {id} {parameters.field}"
    after = cursors_of(site).read(name, parameters.cursor)
    mark = Mark(*map(str, after)) if after else None
    async with snapshot(site.pool) as connection:
        found = await explain(connection, schema, str(id), parameters.field, parameters.limit, mark)
    if found is None:
        raise NotFound("Nothing is known of this customer.")
    following = found.following
    content = {
        "customer": found.customer,
        "field": parameters.field,
        "value": found.value,
        "rule": found.rule,
        "belonging": f"/v1/customers/{found.customer}/belonging",
        "data": found.events,
        "next_cursor": cursors_of(site).write(name, [*following]) if following else None,
    }
    return json_response(content)


def _no_field(field: str) -> BadRequest:
    detail = f"There is no field {field}; there are {', '.join(FIELDS)}."
    error = FieldError("/query/field", "field", detail)
    return BadRequest(detail, errors=(error,), extra={"fields": [*FIELDS]})
