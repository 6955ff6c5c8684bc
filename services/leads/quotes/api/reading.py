"""Quotes read: the list, one, and what happened to it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from services.leads.api.context import cursors_of, schema_of, sight_of, site_of
from services.leads.api.histories import happened
from services.leads.queries.filters import seen
from services.leads.quotes import queries
from services.leads.quotes.api import examples, shown
from services.leads.quotes.api.context import Reader, quote_of
from services.leads.quotes.api.parameters import Quotes
from shared.documents import answers
from shared.http import conditional, json_response, page, version_tag
from shared.parameters import Page

router = APIRouter(tags=["quotes"])


@router.get(
    "/v1/quotes",
    summary="The list of quotes",
    responses=answers(examples.QUOTES, 304),
    response_class=Response,
)
async def all_quotes(
    request: Request, parameters: Annotated[Quotes, Query()], key: Reader
) -> Response:
    """A page of quotes, those drafted last first; `amount` in minor units of `currency`.

    `state` is drafted, sent (the customer has a version to accept), accepted (its order is
    pending or was refused: `ordering`), ordered, declined, withdrawn or expired. `latest` is the
    number of the latest version, whose amount and last day these are; of an accepted quote of the
    one that was accepted. A quote is seen by whoever sees its lead.
    """
    site = site_of(request)
    filters = (*parameters.filters(), *seen(await sight_of(request, key)))
    schema = await schema_of(site, parameters.min_position)
    name = f"/v1/quotes {parameters.sort} {filters}"
    after = cursors_of(site).read(name, parameters.cursor)
    listing = queries.Listing(
        parameters.sort.removeprefix("-"),
        parameters.sort.startswith("-"),
        filters,
        parameters.limit,
        (str(after[0]), str(after[1])) if after else None,
    )
    async with site.pool.acquire() as connection:
        rows = await queries.page(connection, schema, listing)
    shown_ = rows[: listing.limit]
    more = len(rows) > listing.limit
    cursor = cursors_of(site).write(name, [*shown_[-1][0]]) if more else None
    return conditional(request, page([row[1] for row in shown_], cursor))


@router.get(
    "/v1/quotes/{id}",
    summary="One quote",
    responses=answers(examples.QUOTE, 304, 404),
    response_class=Response,
)
async def one_quote(request: Request, id: UUID, key: Reader) -> Response:
    """As it stands at this moment, with all its versions; what commands ask for is its ETag.

    `version` beside `id` is that ETag; the versions of the quote itself are numbered in
    `versions`: `latest` is the last one, `sent` the one that the customer may accept, if any.
    """
    found = await quote_of(request, key, id)
    tag = {"ETag": version_tag(found.kept.version)}
    known = request.headers.get("if-none-match", "")
    if tag["ETag"] in (part.strip().removeprefix("W/") for part in known.split(",")):
        return Response(status_code=304, headers=tag)
    document = shown.quote(found.kept.stream, found.kept.version, found.state)
    return json_response(document, headers=tag)


@router.get(
    "/v1/quotes/{id}/history",
    summary="What happened to a quote",
    responses=answers(examples.HISTORY, 304, 404),
    response_class=Response,
)
async def what_happened(
    request: Request, id: UUID, parameters: Annotated[Page, Query()], key: Reader
) -> Response:
    """A page of its events, oldest first, with who wanted each."""
    found = await quote_of(request, key, id)
    return await happened(request, found.kept.stream, parameters)
