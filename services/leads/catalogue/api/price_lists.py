"""Price lists: what they say, version by version."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field

from services.leads.api.capturing import IdempotencyKey
from services.leads.api.context import (
    answer,
    cursors_of,
    handler_of,
    moment,
    origin_of,
    schema_of,
    site_of,
)
from services.leads.api.histories import happened
from services.leads.catalogue import loading, queries
from services.leads.catalogue.api import examples, shown
from services.leads.catalogue.api.bodies import PriceListBody
from services.leads.catalogue.api.products import IfMatch, IfNoneMatch, Operator, Reader
from services.leads.catalogue.api.reading import expected
from services.leads.catalogue.api.seeing import refuse_partners
from services.leads.catalogue.commands import ChangePriceList, DefinePriceList, PriceListCommand
from services.leads.catalogue.decider import PRICE_LIST
from services.leads.catalogue.decider.price_list import stream_of
from services.leads.catalogue.events import Terms
from services.leads.catalogue.states import Listed, PriceList
from services.leads.queries import history
from shared.deciding.command_handler import stale
from shared.documents import answers
from shared.errors import NotFound
from shared.http import conditional, json_response, page, version_tag, wrong_parameter
from shared.idempotency import once
from shared.parameters import Page, Parameters

router = APIRouter(tags=["catalogue"])


class _Said(msgspec.Struct):
    terms: Terms


class _Earlier(msgspec.Struct):
    """An event of a list, as far as it says what the list said then."""

    data: _Said


Name = Annotated[str, Path(min_length=1, max_length=64)]
_CHANGED = (400, 404, 409, 412, 413, 428)


class Shown(Parameters):
    """Which version of a list, and how much of it."""

    version: int | None = Field(
        None, ge=1, le=2**31 - 1, description="An earlier one, as it was written then."
    )

    whole: bool = Field(
        False,
        description="With the prices that it has from the lists that it stands on, which `on` "
        "names with their versions, and valid while all of them are.",
    )


@router.get(
    "/v1/price-lists",
    summary="All price lists",
    responses=answers(examples.PRICE_LISTS, 304),
    response_class=Response,
)
async def all_price_lists(
    request: Request, parameters: Annotated[Page, Query()], key: Reader
) -> Response:
    """A page of them by name; `priced` is how many products have a price of its own. Not for
    partners: 403."""
    refuse_partners(key)
    site = site_of(request)
    schema = await schema_of(site, parameters.min_position)
    after = cursors_of(site).read("/v1/price-lists", parameters.cursor)
    name = str(after[0]) if after else ""
    async with site.pool.acquire() as connection:
        rows = await queries.price_lists(connection, schema, name, parameters.limit)
    found = rows[: parameters.limit]
    more = len(rows) > parameters.limit
    cursor = cursors_of(site).write("/v1/price-lists", [found[-1][0]]) if more else None
    return conditional(request, page([row[1] for row in found], cursor))


@router.get(
    "/v1/price-lists/{name}",
    summary="One price list",
    responses=answers(examples.PRICE_LIST, 404, 409),
    response_class=Response,
)
async def one_price_list(
    request: Request, name: Name, parameters: Annotated[Shown, Query()], key: Reader
) -> Response:
    """As it was written, or whole; or an earlier version, which a quote names.

    Prices in minor units of `currency`. Its ETag is the version that stands, which changing it asks
    for. Not for partners: 403.
    """
    refuse_partners(key)
    handler = handler_of(request)
    kept = await handler.load(PRICE_LIST, stream_of(name))
    document = shown.price_list(kept.state)
    if parameters.whole and parameters.version is not None:
        detail = "An earlier version is shown as it was written, not whole."
        raise wrong_parameter("whole", "not_both", detail)
    if parameters.whole:
        document = shown.whole(await loading.whole(handler, name))
    elif parameters.version is not None:
        document = await _earlier(request, parameters, name, parameters.version)
    return json_response(document, headers={"ETag": version_tag(kept.version)})


async def _earlier(
    request: Request, parameters: Parameters, name: str, version: int
) -> dict[str, Any]:
    """A version of a list, as it was written. Raises NotFound."""
    site = site_of(request)
    schema = await schema_of(site, parameters.min_position)
    async with site.pool.acquire() as connection:
        found = await history.one(connection, schema, stream_of(name), version)
    if found is None:
        raise NotFound(f"{name!r} has no version {version}.", code="unknown_version")
    event = msgspec.json.decode(found, type=_Earlier)
    return shown.price_list(Listed(name, version, event.data.terms))


@router.put(
    "/v1/price-lists/{name}",
    summary="Define or change a price list",
    responses=answers(examples.PRICE_LIST | {"position": "leads.events/3/1042"}, *_CHANGED),
    response_class=Response,
)
async def put_price_list(
    request: Request,
    name: Name,
    body: PriceListBody,
    key: Operator,
    if_match: IfMatch = None,
    if_none_match: IfNoneMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Define a price list that is not there, or, with If-Match, change one that is, to a new
    version.

    Prices are whole minor units of `currency` (ISO 4217), which stays what it was. A list may
    stand on another one in the same currency, its `base`: it has all its prices, changed by
    `percent` and rounded half up, and its own come first. A bundle costs less than what is in it by
    the same list: 422 `bundle_not_cheaper` says what that comes to. More of a product costs no
    more each. At most 5,000 prices, and 1 MiB.
    """
    refuse_partners(key)

    async def run() -> Response:
        handler = handler_of(request)
        terms = body.terms()
        kept = await handler.load(PRICE_LIST, stream_of(name))
        version = expected(request, kept.version)
        if kept.version != version:
            raise stale("price list", kept.version)
        command = await _command(request, name, terms, version)
        handled = await handler.carry_out(
            *(PRICE_LIST, kept.stream, command, origin_of(key)),
            partitionkey=kept.stream,
            expected=version,
        )
        return answer(request, handled, kept.stream, shown.price_list(handled.state))

    return await once(site_of(request).pool, key, request, run)


async def _command(request: Request, name: str, terms: Terms, version: int) -> PriceListCommand:
    products = await loading.products(handler_of(request), terms.prices)
    base = await _base(request, name, terms)
    at = moment()
    if version:
        return ChangePriceList(terms=terms, base=base, products=products, at=at)
    return DefinePriceList(name=name, terms=terms, base=base, products=products, at=at)


async def _base(request: Request, name: str, terms: Terms) -> PriceList | None:
    """The list that another stands on, whole; None where it is not there, or that one itself."""
    if terms.base in (None, name):
        return None
    try:
        return await loading.whole(handler_of(request), terms.base)
    except NotFound:
        return None  # the decision says so, and points to it


@router.get(
    "/v1/price-lists/{name}/history",
    summary="All versions of a price list",
    responses=answers(
        examples.history(
            "price-list.defined",
            name="standard",
            terms={"currency": "EUR", "prices": {"TEA-7": [{"quantity": 1, "price": 350}]}},
        ),
        *(304, 404),
    ),
    response_class=Response,
)
async def what_happened(
    request: Request, name: Name, parameters: Annotated[Page, Query()], key: Reader
) -> Response:
    """A page of its versions, the newest last, each with all that it said. For partners: 403."""
    refuse_partners(key)
    kept = await handler_of(request).load(PRICE_LIST, stream_of(name))
    shown.price_list(kept.state)  # 404 where there is none
    return await happened(request, kept.stream, parameters)
