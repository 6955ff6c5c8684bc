"""Many products at once: each is taken or refused by itself."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from services.leads.api.capturing import IdempotencyKey
from services.leads.api.context import handler_of, moment, origin_of, position, site_of
from services.leads.catalogue import loading
from services.leads.catalogue.api import examples
from services.leads.catalogue.api.bodies import ProductItem, ProductsBody
from services.leads.catalogue.api.products import Operator, named
from services.leads.catalogue.api.seeing import refuse_partners
from services.leads.catalogue.commands import ChangeProduct, DefineProduct
from services.leads.catalogue.decider import PRODUCT
from services.leads.catalogue.decider.product import stream_of
from services.leads.catalogue.events import Definition
from services.leads.catalogue.states import Product, Sold, Undefined
from shared.auth import Key
from shared.deciding.command_handler import stale
from shared.deciding.store import Kept
from shared.documents import answers
from shared.errors import FieldError, Problem, Unprocessable
from shared.http import field_errors, json_response
from shared.idempotency import once

AT_ONCE = 50
"""Items that are written at the same time."""

router = APIRouter(tags=["catalogue"])


@dataclass(frozen=True)
class Item:
    """An item that can be read: its number, what it says, and which products it names."""

    number: int
    body: ProductItem
    product: Definition
    names: frozenset[str]


@router.post(
    "/v1/products",
    summary="Define or change many products",
    responses=answers(examples.IMPORTED, 400, 409, 413),
    response_class=Response,
)
async def import_products(
    request: Request, body: ProductsBody, key: Operator, idempotency_key: IdempotencyKey = None
) -> Response:
    """Up to 1,000 products, and 1 MiB, in any order, with a result for each in order: `defined`,
    `changed`, `unchanged`, or `refused` with the reasons.

    An item without `version` defines a product; with it, that version is changed; with `replace`,
    whatever stands. Items may name one another: one that names another which is refused, and which
    is not there yet, is refused too. Good items are kept whatever their neighbours.
    """
    refuse_partners(key)

    async def run() -> Response:
        return await _import(request, body, key)

    return await once(site_of(request).pool, key, request, run)


async def _import(request: Request, body: ProductsBody, key: Key) -> Response:
    results: dict[int, dict[str, Any]] = {}
    items = list(_read(body.items, results))
    handler = handler_of(request)
    names = {sku for item in items for sku in (item.product.sku, *item.names)}
    there = await loading.products(handler, names)
    kept = await handler.load_all(PRODUCT, [stream_of(item.product.sku) for item in items])
    related = _decidable(items, there, kept, body.replace, results)
    waiting = [item for item in items if item.number not in results]
    # what bundles are made of comes before them
    for part in (
        [item for item in waiting if not item.product.contents],
        [item for item in waiting if item.product.contents],
    ):
        for start in range(0, len(part), AT_ONCE):
            some = part[start : start + AT_ONCE]
            found = await asyncio.gather(
                *(_write(request, item, kept, related, body.replace, key) for item in some)
            )
            results |= {item.number: result for item, result in zip(some, found, strict=True)}
    return json_response({"results": [results[number] for number in range(len(body.items))]})


def _read(items: Sequence[Mapping[str, Any]], results: dict[int, dict[str, Any]]) -> Iterator[Item]:
    """The items that can be read; of the others the results."""
    seen: set[str] = set()
    for number, each in enumerate(items):
        try:
            body = ProductItem.model_validate(each)
        except ValidationError as error:
            wrong = field_errors(error.errors())
            problem = Unprocessable(wrong[0].detail, errors=wrong)
            results[number] = _refused(number, each.get("sku"), problem)
            continue
        if body.sku in seen:
            wrong = (FieldError("/sku", "duplicate", f"{body.sku!r} is there twice."),)
            results[number] = _refused(
                number, body.sku, Unprocessable(wrong[0].detail, code="duplicate", errors=wrong)
            )
            continue
        seen.add(body.sku)
        product = body.definition(body.sku)
        yield Item(number, body, product, frozenset(named(product)))


def _decidable(
    items: Sequence[Item],
    there: Mapping[str, Product],
    kept: Mapping[str, Kept],
    replace: bool,
    results: dict[int, dict[str, Any]],
) -> Mapping[str, Product]:
    """The products that there would be; of the items that cannot come about, the results.

    One that is refused is not there for the others: those that name it are looked at again.
    """
    related = {**there, **{item.product.sku: Sold(item.product) for item in items}}
    waiting = {item.number: item for item in items}
    again = [*items]
    while again:
        gone: set[str] = set()
        for item in again:
            found = kept[stream_of(item.product.sku)]
            try:
                PRODUCT.decide(found.state, _command(item, found, related, replace))
            except Problem as problem:
                results[item.number] = _refused(item.number, item.product.sku, problem)
                gone.add(item.product.sku)
                del waiting[item.number]
        for sku in gone:
            related[sku] = there.get(sku, Undefined())
        again = [item for item in waiting.values() if item.names & gone]
    return related


def _command(
    item: Item, kept: Kept, related: Mapping[str, Product], replace: bool
) -> DefineProduct | ChangeProduct:
    """Raises PreconditionFailed where another version stands than the item's."""
    if item.body.version is not None and item.body.version != kept.version:
        raise stale("product", kept.version)
    changes = kept.version > 0 and (replace or item.body.version is not None)
    made = ChangeProduct if changes else DefineProduct
    return made(product=item.product, related=related, at=moment())


async def _write(
    request: Request,
    item: Item,
    kept: Mapping[str, Kept],
    related: Mapping[str, Product],
    replace: bool,
    key: Key,
) -> dict[str, Any]:
    found = kept[stream_of(item.product.sku)]
    command = _command(item, found, related, replace)
    try:
        handled = await handler_of(request).carry_out(
            *(PRODUCT, found.stream, command, origin_of(key)),
            partitionkey=found.stream,
            expected=found.version,
        )
    except Problem as problem:
        return _refused(item.number, item.product.sku, problem)
    result: dict[str, Any] = {"sku": item.product.sku, "result": "unchanged"}
    if handled.position is not None:
        result["result"] = "changed" if found.version else "defined"
        result["position"] = position(site_of(request), found.stream, handled.position)
    return result | {"version": handled.version}


def _refused(number: int, sku: object, problem: Problem) -> dict[str, Any]:
    """What is wrong with an item, pointed to in the whole body."""
    if problem.status >= 500:
        raise problem
    errors = [
        {**each.as_dict(), "pointer": f"/items/{number}{each.pointer}"} for each in problem.errors
    ]
    return {
        "sku": sku if isinstance(sku, str) and sku.isprintable() else None,
        "result": "refused",
        "code": problem.code,
        "detail": problem.detail,
        "errors": errors,
    }
