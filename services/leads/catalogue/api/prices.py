"""What a configuration costs, without keeping anything."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request, Response

from services.leads.api.context import handler_of, moment, schema_of, site_of
from services.leads.catalogue import loading, queries
from services.leads.catalogue.api import examples
from services.leads.catalogue.api.bodies import PricesBody
from services.leads.catalogue.api.products import Reader
from services.leads.catalogue.api.reading import on_hand
from services.leads.catalogue.api.seeing import price_list_for
from services.leads.catalogue.pricing import Catalogue, Line, configuration, needed, offers, price
from shared.documents import answers
from shared.http import json_response
from shared.parameters import Parameters

router = APIRouter(tags=["catalogue"])


@router.post(
    "/v1/prices",
    summary="Price a configuration",
    responses=answers(examples.PRICES, 400, 404, 409, 413),
    response_class=Response,
)
async def prices(
    request: Request, body: PricesBody, parameters: Annotated[Parameters, Query()], key: Reader
) -> Response:
    """What lines cost by a list on a day, which rules they break, what would be better.

    Nothing is kept. Money is in minor units of `currency`. A line comes to quantity x unit price x
    (1 - discount), rounded half up, once a line; the total is their sum. A bundle costs no more
    than what is in it does by the list in that quantity: `parts` says how much that is, `saved` how
    much less the bundle is. `findings` are rules that the lines break. `offers` are bundles that
    cost less, what is better, and what goes with it, each with the `difference` that it makes to
    the total. `bought_together` is counted: of the `of` orders with the line's product `orders` had
    the other one too. `stock` is what was counted last; `short` says of which products that is less
    than is `needed`, in bundles too that are not counted themselves; neither hinders anything. 422
    points to what is unknown, retired or without a price, and says when the list is not valid on
    that day. A partner gets the prices of its own list alone: 403.
    """
    site = site_of(request)
    name = await price_list_for(request, key, body.price_list)
    lines = [each.line() for each in body.lines]
    schema = await schema_of(site, parameters.min_position)
    skus = sorted({line.sku for line in lines})
    async with site.pool.acquire() as connection:
        found = await loading.offering(handler_of(request), connection, schema, name, skus)
        bought = await queries.bought(connection, schema, skus)
    content = _priced(found, lines, body.day or moment()[:10])
    counted = await on_hand(request, schema, *found.products)
    for each in (*content["lines"], *content["offers"]):
        each["stock"] = counted.get(each["sku"])
    content["short"] = _short(found, lines, counted)
    content["bought_together"] = [
        {"sku": other, "name": called, "with": sku, "orders": orders, "of": all_}
        for other, called, sku, orders, all_ in bought
    ]
    return json_response(content)


def _short(
    found: Catalogue, lines: list[Line], counted: Mapping[str, msgspec.Raw]
) -> list[dict[str, Any]]:
    """Of which products less was counted than the lines need."""
    wanted = needed(found, lines, counted)
    there = {sku: msgspec.json.decode(counted[sku]) for sku in sorted(wanted) if sku in counted}
    return [
        {"sku": sku, "needed": wanted[sku], "stock": stock}
        for sku, stock in there.items()
        if stock["on_hand"] < wanted[sku]
    ]


def _priced(found: Catalogue, lines: list[Line], day: str) -> dict[str, Any]:
    """Raises Unprocessable."""
    content: dict[str, Any] = msgspec.to_builtins(price(found, lines, day))
    return {
        **content,
        "findings": msgspec.to_builtins(configuration(found, lines)),
        "offers": msgspec.to_builtins(offers(found, lines)),
    }
