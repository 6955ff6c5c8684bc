"""Organisations and who belongs to them."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request, Response

from services.profile.api import documents
from services.profile.api.context import cursors_of, schema_of, site_of, snapshot
from services.profile.api.parameters import Organisation
from services.profile.queries import organisations
from shared.auth import Key, require
from shared.documents import answers
from shared.errors import NotFound
from shared.http import conditional, json_response, page
from shared.parameters import Line, Page

router = APIRouter(tags=["organisations"])
Reader = Annotated[Key, Depends(require("read"))]


@router.get(
    "/v1/organisations",
    summary="The list of organisations",
    responses=answers(documents.ORGANISATIONS, 304),
    response_class=Response,
)
async def all_organisations(
    request: Request, parameters: Annotated[Page, Query()], key: Reader
) -> Response:
    """A page of organisations by namespace and number, with how many belong to each now."""
    site = site_of(request)
    schema = await schema_of(site, parameters.min_position)
    after = cursors_of(site).read("organisations", parameters.cursor)
    mark = (str(after[0]), str(after[1])) if after else None
    async with site.pool.acquire() as connection:
        rows = await organisations.page(connection, schema, parameters.limit, mark)
    shown = rows[: parameters.limit]
    more = len(rows) > parameters.limit
    cursor = cursors_of(site).write("organisations", [*shown[-1][:2]]) if more else None
    return conditional(request, page([row[2] for row in shown], cursor))


@router.get(
    "/v1/organisations/{number:path}",
    summary="One organisation",
    responses=answers(documents.ORGANISATION, 404),
    response_class=Response,
)
async def one_organisation(
    request: Request,
    number: Annotated[Line, Path(description="The organisation's number.")],
    parameters: Annotated[Organisation, Query()],
    key: Reader,
) -> Response:
    """An organisation and a page of its members, those of today before former ones.

    Each with the customer that the person is now, the subject that was named, the role, since
    when, and the event that said so.
    """
    site = site_of(request)
    namespace = parameters.namespace
    schema = await schema_of(site, parameters.min_position)
    name = f"organisation {namespace} {number}"
    after = cursors_of(site).read(name, parameters.cursor)
    mark = (bool(after[0]), str(after[1])) if after else None
    async with snapshot(site.pool) as connection:
        found = await organisations.one(connection, schema, namespace, number)
        if found is None:
            raise NotFound("Nothing is known of this organisation.")
        rows = await organisations.members(
            connection, schema, namespace, number, parameters.limit, mark
        )
    shown = rows[: parameters.limit]
    more = len(rows) > parameters.limit
    content = {
        "namespace": namespace,
        "number": number,
        "name": found[0],
        "members_total": found[1],
        "former_members_total": found[2],
        "members": [msgspec.Raw(row[2].encode()) for row in shown if row[0]],
        "former_members": [msgspec.Raw(row[2].encode()) for row in shown if not row[0]],
        "next_cursor": cursors_of(site).write(name, [int(shown[-1][0]), shown[-1][1]])
        if more
        else None,
    }
    return json_response(content)
