"""Products: what they are, and what becomes of them."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from pydantic import Field

from services.leads.api.bodies import Because
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
from services.leads.catalogue.api.bodies import ProductBody
from services.leads.catalogue.api.reading import expected, on_hand
from services.leads.catalogue.api.seeing import refuse_partners
from services.leads.catalogue.commands import (
    ChangeProduct,
    DefineProduct,
    ProductCommand,
    RestoreProduct,
    RetireProduct,
)
from services.leads.catalogue.decider import PRODUCT
from services.leads.catalogue.decider.product import stream_of
from services.leads.catalogue.events import Definition
from shared.auth import Key, require
from shared.deciding.command_handler import stale
from shared.documents import answers
from shared.http import conditional, expected_version, json_response, page, version_tag
from shared.idempotency import once
from shared.parameters import Line, Page, Parameters

router = APIRouter(tags=["catalogue"])
Reader = Annotated[Key, Depends(require("read"))]
Operator = Annotated[Key, Depends(require("ops", "write"))]
Sku = Annotated[str, Path(min_length=1, max_length=100)]
IfMatch = Annotated[
    str | None,
    Header(alias="If-Match", description="The ETag of what you saw; required to change it."),
]
IfNoneMatch = Annotated[
    str | None, Header(alias="If-None-Match", description="`*`: only where nothing is there yet.")
]
_CHANGED = (400, 404, 409, 412, 413, 428)


class Products(Page):
    """Which products."""

    sort: Literal["sku", "-sku", "name", "-name", "touched", "-touched"] = Field(
        "sku", description="`-` for descending; `touched` is the time of its latest event."
    )
    sku_eq: list[Line] | None = Field(
        None, alias="filter[sku][eq]", max_length=50, description="Any of these; repeatable."
    )
    status_eq: Literal["active", "retired"] | None = Field(None, alias="filter[status][eq]")
    category_eq: list[Line] | None = Field(
        None, alias="filter[category][eq]", max_length=50, description="Any of these; repeatable."
    )
    text_contains: Line | None = Field(
        None,
        alias="filter[text][contains]",
        min_length=1,
        description="In the sku or the name, in any case.",
    )


@router.get(
    "/v1/products",
    summary="The list of products",
    responses=answers(examples.PRODUCTS, 304),
    response_class=Response,
)
async def all_products(
    request: Request, parameters: Annotated[Products, Query()], key: Reader
) -> Response:
    """A page of the products, each with what is on hand: the latest count of every place by the
    time of the event `stock.counted`, and their sum; null for what was never counted."""
    site = site_of(request)
    schema = await schema_of(site, parameters.min_position)
    chosen = parameters.model_dump(exclude={"min_position", "limit", "cursor"})
    name = f"/v1/products {chosen}"
    after = cursors_of(site).read(name, parameters.cursor)
    listing = queries.Products(
        parameters.sort.removeprefix("-"),
        parameters.sort.startswith("-"),
        tuple(parameters.sku_eq or ()),
        parameters.status_eq,
        tuple(parameters.category_eq or ()),
        parameters.text_contains,
        parameters.limit,
        (str(after[0]), str(after[1])) if after else None,
    )
    async with site.pool.acquire() as connection:
        rows = await queries.products(connection, schema, listing)
    found = rows[: listing.limit]
    more = len(rows) > listing.limit
    cursor = cursors_of(site).write(name, [*found[-1][0]]) if more else None
    return conditional(request, page([row[1] for row in found], cursor))


@router.get(
    "/v1/products/{sku}",
    summary="One product",
    responses=answers(examples.READ, 404),
    response_class=Response,
)
async def one_product(
    request: Request, sku: Sku, parameters: Annotated[Parameters, Query()], key: Reader
) -> Response:
    """As it stands, with what is on hand; its ETag, the version, is what changing it asks for."""
    kept = await handler_of(request).load(PRODUCT, stream_of(sku))
    document = shown.product(kept.version, kept.state)
    schema = await schema_of(site_of(request), parameters.min_position)
    counted = await on_hand(request, schema, sku)
    content = {**document, "stock": counted.get(sku)}
    return json_response(content, headers={"ETag": version_tag(kept.version)})


@router.put(
    "/v1/products/{sku}",
    summary="Define or change a product",
    responses=answers(examples.PRODUCT, *_CHANGED),
    response_class=Response,
)
async def put_product(
    request: Request,
    sku: Sku,
    body: ProductBody,
    key: Operator,
    if_match: IfMatch = None,
    if_none_match: IfNoneMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Define a product that is not there, or, with If-Match, change one that is.

    With `contents` it is a bundle; no bundle is in itself, and at most three are one in another.
    Every product that it names is there: 422 `unknown_sku` names what is not. A sku is a letter or
    digit, then up to 99 of what is no blank and none of `/?#%\\`. 409 `product_retired`.
    """
    refuse_partners(key)

    async def run() -> Response:
        handler = handler_of(request)
        definition = body.definition(sku)
        kept = await handler.load(PRODUCT, stream_of(sku))
        version = expected(request, kept.version)
        if kept.version != version:
            raise stale("product", kept.version)
        related = await loading.products(handler, named(definition))
        made = ChangeProduct if version else DefineProduct
        command = made(product=definition, related=related, at=moment())
        return await _carry_out(request, sku, command, key, version)

    return await once(site_of(request).pool, key, request, run)


def named(product: Definition) -> set[str]:
    """The products that one names."""
    return {
        *product.contents,
        *product.better,
        *product.goes_with,
        *product.excludes,
        *(sku for each in product.requires for sku in each),
    }


@router.post(
    "/v1/products/{sku}/retire",
    summary="Retire a product",
    responses=answers(examples.PRODUCT | {"status": "retired"}, *_CHANGED),
    response_class=Response,
)
async def retire_product(
    request: Request,
    sku: Sku,
    body: Because,
    key: Operator,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """It is sold no more, neither by itself nor in a bundle; what was quoted stays quoted."""
    refuse_partners(key)

    async def run() -> Response:
        command = RetireProduct(reason=body.reason, at=moment())
        return await _carry_out(request, sku, command, key, expected_version(request))

    return await once(site_of(request).pool, key, request, run)


@router.post(
    "/v1/products/{sku}/restore",
    summary="Restore a product",
    responses=answers(examples.PRODUCT, *_CHANGED),
    response_class=Response,
)
async def restore_product(
    request: Request,
    sku: Sku,
    body: Because,
    key: Operator,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """One that was retired is sold again, as it was."""
    refuse_partners(key)

    async def run() -> Response:
        command = RestoreProduct(reason=body.reason, at=moment())
        return await _carry_out(request, sku, command, key, expected_version(request))

    return await once(site_of(request).pool, key, request, run)


async def _carry_out(
    request: Request, sku: str, command: ProductCommand, key: Key, version: int
) -> Response:
    stream = stream_of(sku)
    handled = await handler_of(request).carry_out(
        *(PRODUCT, stream, command, origin_of(key)), partitionkey=stream, expected=version
    )
    return answer(request, handled, stream, shown.product(handled.version, handled.state))


@router.get(
    "/v1/products/{sku}/history",
    summary="What happened to a product",
    responses=answers(
        examples.history("product.retired", sku="SET-1", reason="A better one is there."), 304, 404
    ),
    response_class=Response,
)
async def what_happened(
    request: Request, sku: Sku, parameters: Annotated[Page, Query()], key: Reader
) -> Response:
    """A page of its events in the order of its versions, the newest last."""
    kept = await handler_of(request).load(PRODUCT, stream_of(sku))
    shown.product(kept.version, kept.state)  # 404 where there is none
    return await happened(request, kept.stream, parameters)
