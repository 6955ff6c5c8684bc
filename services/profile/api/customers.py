"""Customers: one whole, the list, what happened, why it belongs, who may be the same."""

from typing import Annotated
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response

from services.profile.api import documents
from services.profile.api.context import cursors_of, schema_of, site_of, snapshot
from services.profile.api.light import profile
from services.profile.api.parameters import Customers, Lookup, One, Timeline
from services.profile.api.past import horizon_of, profile_then, reading, unknown
from services.profile.queries import belonging, customers, duplicates, timeline
from services.profile.queries.history import Horizon
from shared.auth import Key, require
from shared.database import Connection
from shared.documents import answers
from shared.http import conditional, json_response, page, wrong_parameter
from shared.naming import identifier
from shared.parameters import Page
from shared.service import Site

router = APIRouter(tags=["customers"])
Reader = Annotated[Key, Depends(require("read"))]


@router.get(
    "/v1/customers/{id}",
    summary="One customer",
    responses=documents.then(documents.PROFILE, 304, 404),
    response_class=Response,
)
async def one_customer(
    request: Request, id: UUID, parameters: Annotated[One, Query()], key: Reader
) -> Response:
    """The profile of a customer, its subjects summed on the spot.

    `id` is the customer's, or any subject that belongs to it: one that was merged is answered with
    the present customer, whose own `id` the document shows. Money is in minor units. `orders.count`
    and `revenue` count orders that were placed and not cancelled since; `by_status` counts all.
    `revenue` has, by currency, the orders that named an amount: their sum, what was given back of
    them, the difference, and the mean amount rounded to a minor unit. The NPS score is the share of
    promoters (9-10) less that of detractors (0-6), in percent. Lists hold at most 500 entries.

    With `as_of` or `known_at` the same document, and both moments in it, is worked out from the
    events of then: for two requests at a time, others are told to come back (503, `busy`); 422
    `too_large` where more than 20,000 events would have to be folded.
    """
    return conditional(request, await _whole(site_of(request), str(id), parameters))


async def _whole(site: Site, subject: str, parameters: One | Customers) -> bytes:
    """The customer of a subject, now or then, as JSON."""
    horizon = horizon_of(parameters)
    timeline = parameters.timeline or 0
    if horizon is None:
        return await profile(site, subject, timeline, parameters.min_position)
    return await profile_then(site, subject, timeline, parameters.min_position, horizon)


@router.post(
    "/v1/customers/lookup",
    summary="The customer of an identifier",
    responses=answers(documents.PROFILE, 400, 404, 413),
    response_class=Response,
)
async def look_up(
    request: Request, body: Lookup, parameters: Annotated[One, Query()], key: Reader
) -> Response:
    """The profile of whom an identifier belongs to, with no identifier in a URL. A mere read."""
    site = site_of(request)
    who = identifier(site.secret, key, body.kind, body.namespace, body.value, "/")
    found = await _whole(site, str(who.subject), parameters)
    return Response(found, media_type="application/json")


@router.get(
    "/v1/customers",
    summary="The list of customers, or the one of an identifier",
    responses=documents.then(documents.CUSTOMERS, 304, 404),
    response_class=Response,
)
async def all_customers(
    request: Request, parameters: Annotated[Customers, Query()], key: Reader
) -> Response:
    """A page of the customers of whom there are events; with `identifier`, that one's profile.

    The rows follow the resolver, usually within a second; a customer with more than a thousand
    rows behind it at an interval that grows with its size, of a minute at most. `revenue` is in
    `currency`, that of most of the customer's orders; to sort or filter by it needs
    `filter[currency][eq]`, so that no two currencies are compared.
    """
    site = site_of(request)
    if parameters.identifier is not None:
        return conditional(request, await _of_identifier(site, key, parameters))
    if alone := _OF_ONE & parameters.model_fields_set:
        raise wrong_parameter(min(alone), "combination", f"`{min(alone)}` needs `identifier`.")
    schema = await schema_of(site, parameters.min_position, listed=True)
    listing, name = _listing(site, parameters)
    async with site.pool.acquire() as connection:
        rows = await customers.page(connection, schema, listing)
    shown = rows[: listing.limit]
    mark = [shown[-1][0], shown[-1][1]] if len(rows) > listing.limit else None
    cursor = cursors_of(site).write(name, [*mark]) if mark else None
    return conditional(request, page([row[2] for row in shown], cursor))


async def _of_identifier(site: Site, key: Key, parameters: Customers) -> bytes:
    beside = parameters.model_fields_set - _OF_ONE - {"identifier", "min_position"}
    if beside:
        name = Customers.model_fields[min(beside)].alias or min(beside)
        raise wrong_parameter(name, "combination", "This does not go with `identifier`.")
    kind, namespace, value = _parts(parameters.identifier or "")
    who = identifier(site.secret, key, kind, namespace, value, "/query/identifier")
    return await _whole(site, str(who.subject), parameters)


_OF_ONE = {"timeline", "as_of", "known_at"}
"""What only goes with `identifier`."""


def _parts(text: str) -> tuple[str, str | None, str]:
    """kind:value, or kind:namespace:value; of a value with colons the namespace must be named."""
    kind, *rest = text.split(":", 2)
    if not rest:
        raise wrong_parameter(
            "identifier", "syntax", "An identifier is kind:value or kind:namespace:value."
        )
    return kind, rest[0] if len(rest) == 2 else None, rest[-1]


def _listing(site: Site, parameters: Customers) -> tuple[customers.Listing, str]:
    """What part of the list is asked for, and the name under which its cursors are good."""
    sort = parameters.sort.removeprefix("-")
    filters = tuple(
        customers.Filter(field, operator, value)
        for field, operator in customers.FILTERS
        if (value := getattr(parameters, f"{field}_{operator}")) is not None
    )
    by_money = sort == "revenue" or any(one.field == "revenue" for one in filters)
    if by_money and parameters.currency_eq is None:
        raise wrong_parameter(
            "filter[currency][eq]", "required", "To sort or filter by revenue, name the currency."
        )
    name = f"/v1/customers {parameters.sort} {filters}"
    after = cursors_of(site).read(name, parameters.cursor)
    listing = customers.Listing(
        sort,
        parameters.sort.startswith("-"),
        filters,
        parameters.limit,
        (after[0], str(after[1])) if after else None,
    )
    return listing, name


@router.get(
    "/v1/customers/{id}/timeline",
    summary="What happened to a customer",
    responses=documents.then(documents.TIMELINE, 304, 404),
    response_class=Response,
)
async def what_happened(
    request: Request, id: UUID, parameters: Annotated[Timeline, Query()], key: Reader
) -> Response:
    """A page of the events of all the customer's subjects, newest first, whole.

    With `as_of` or `known_at`, of the subjects and the events of then.
    """
    site = site_of(request)
    horizon = horizon_of(parameters)
    schema = await schema_of(site, parameters.min_position)
    async with reading(site, schema, str(id), horizon) as (connection, tables):
        customer = await _known(connection, tables, str(id), horizon)
        chosen = (parameters.since, parameters.until, parameters.type)
        name = f"timeline {id} {chosen} {parameters.channel} {parameters.direction} {horizon}"
        after = cursors_of(site).read(name, parameters.cursor)
        window = timeline.Window(
            *chosen,
            parameters.channel,
            parameters.direction,
            parameters.limit,
            timeline.Mark(*map(str, after)) if after else None,
        )
        rows = await timeline.page(connection, tables, customer, window)
    shown = rows[: window.limit]
    more = len(rows) > window.limit
    cursor = cursors_of(site).write(name, [*shown[-1][0]]) if more else None
    return conditional(request, page([row[1] for row in shown], cursor))


async def _known(
    connection: Connection, schema: str, subject: str, horizon: Horizon | None = None
) -> str:
    """The customer of a subject. Raises NotFound."""
    customer = await timeline.present(connection, schema, subject)
    if customer is None:
        raise unknown(horizon)
    return customer


@router.get(
    "/v1/customers/{id}/belonging",
    summary="Why each identifier belongs to a customer",
    responses=answers(documents.BELONGING, 404),
    response_class=Response,
)
async def why_it_belongs(
    request: Request, id: UUID, parameters: Annotated[Page, Query()], key: Reader
) -> Response:
    """A page of the customer's identifiers, strongest first, each with what is behind it.

    `owners`: the one identifier of each stronger kind that it belongs to, seen directly or
    derived `through` others, strongest first; following the first upwards leads to its `root`.
    `pairs`: what it was seen together with, the event that was first, and the key that let it in.
    `decisions`: what people decided about it. `lost`: candidates that own it not, why, and to whom
    they lost. Of each at most 100.
    """
    site = site_of(request)
    schema = await schema_of(site, parameters.min_position)
    name = f"belonging {id}"
    after = cursors_of(site).read(name, parameters.cursor)
    mark = belonging.Mark(int(after[0] or 0), str(after[1])) if after else None
    async with snapshot(site.pool) as connection:
        customer = await _known(connection, schema, str(id))
        rows, following = await belonging.page(connection, schema, customer, parameters.limit, mark)
    cursor = cursors_of(site).write(name, [*following]) if following else None
    return json_response({"customer": customer, "data": rows, "next_cursor": cursor})


@router.get(
    "/v1/customers/{id}/duplicates",
    summary="Who may be the same as a customer",
    responses=answers(documents.DUPLICATES, 404),
    response_class=Response,
)
async def duplicates_of_one(
    request: Request, id: UUID, parameters: Annotated[Page, Query()], key: Reader
) -> Response:
    """A page of other customers of whom an identifier was seen together with one of this customer.

    Two identifiers held apart, and shared ones, say nothing. `evidence`: the pairs, each with its
    first event, at most 50; `hint` is true of two of one kind, which are never joined by
    themselves. `POST /v1/identity-decisions` settles it.
    """
    site = site_of(request)
    schema = await schema_of(site, parameters.min_position)
    name = f"duplicates {id}"
    after = cursors_of(site).read(name, parameters.cursor)
    async with snapshot(site.pool) as connection:
        customer = await _known(connection, schema, str(id))
        rows = await duplicates.of_customer(
            connection, schema, customer, parameters.limit, str(after[0]) if after else None
        )
    shown = rows[: parameters.limit]
    more = len(rows) > parameters.limit
    content = {
        "customer": customer,
        "data": [
            {"customer": other, "evidence": msgspec.Raw(evidence.encode())}
            for _, other, evidence in shown
        ],
        "next_cursor": cursors_of(site).write(name, [shown[-1][1]]) if more else None,
    }
    return json_response(content)


@router.get(
    "/v1/duplicates",
    summary="All possible duplicates",
    tags=["identity"],
    responses=answers(documents.ALL_DUPLICATES),
    response_class=Response,
)
async def all_duplicates(
    request: Request, parameters: Annotated[Page, Query()], key: Reader
) -> Response:
    """A page of every two customers that may be the same, each two once, with the evidence.

    A page may hold fewer than asked for, even none: the list ends where `next_cursor` is null.
    """
    site = site_of(request)
    schema = await schema_of(site, parameters.min_position)
    after = cursors_of(site).read("duplicates", parameters.cursor)
    mark = (str(after[0]), str(after[1])) if after else None
    async with snapshot(site.pool) as connection:
        rows, following = await duplicates.page(connection, schema, parameters.limit, mark)
    content = [
        {"customers": [one, other], "evidence": msgspec.Raw(evidence.encode())}
        for one, other, evidence in rows
    ]
    cursor = cursors_of(site).write("duplicates", [*following]) if following else None
    return json_response({"data": content, "next_cursor": cursor})
