"""Rows of the catalogue: products, price lists, what was counted, what was ordered together."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import product as pairs
from typing import Any

import msgspec

from services.leads.catalogue import tables
from services.leads.catalogue.events import (
    PriceListChanged,
    PriceListDefined,
    ProductChanged,
    ProductDefined,
    ProductEvent,
    ProductRestored,
    ProductRetired,
)
from services.leads.inbound import Interaction
from services.leads.part import Rows
from shared.literals import Row
from shared.merging import Merge, greatest, latest, summed
from shared.projection import Event

PRODUCTS = Merge(
    tables.products,
    latest("described", "name", "category", "definition"),
    latest("stood", "status"),
    greatest("version", "touched"),
)
CONTENTS = Merge(tables.contents)
PRICE_LISTS = Merge(
    tables.price_lists,
    latest(
        *("version", "currency", "valid_from", "valid_to", "base", "percent", "priced"),
        *("definition", "touched"),
    ),
)
STOCK = Merge(tables.stock, latest("stamp", "quantity", "counted"))
TOGETHER = Merge(tables.together, summed("orders"))

TABLES = (PRODUCTS, CONTENTS, PRICE_LISTS, STOCK, TOGETHER)

MOST_TOGETHER = 10
"""Products of an order that are counted with one another."""

SHARDS = 12
"""A multiple of the numbers of partitions that there mostly are, 4 and 12."""

LONGEST, LARGEST = 128, 10**12
"""Characters of a sku or a location, and the most of one product, that interactions may name."""


class _Counted(msgspec.Struct, frozen=True, gc=False):
    """stock.counted, as it comes: of what nobody checked these may be anything."""

    sku: Any = None
    quantity: Any = None
    location: Any = None


class _Placed(msgspec.Struct, frozen=True, gc=False):
    """order.placed, as it comes."""

    lines: Any = None


_counted = msgspec.json.Decoder(_Counted)
_placed = msgspec.json.Decoder(_Placed)


def of_product(event: Event) -> Rows:
    """The rows of what happened to a product."""
    body: ProductEvent = event.body  # type: ignore[assignment]
    version = event.envelope.streamversion
    sku, changed = _product(body, version)
    yield "products", PRODUCTS.row(sku=sku, version=version, touched=body.at, **changed)
    if isinstance(body, ProductDefined | ProductChanged):
        for part, quantity in body.product.contents.items():
            yield "contents", (part, sku, version, quantity)


def _product(body: ProductEvent, version: int) -> tuple[str, Mapping[str, Any]]:
    if isinstance(body, ProductRetired):
        return body.sku, {"stood": version, "status": "retired"}
    stands = {"stood": version, "status": "active"}
    if isinstance(body, ProductRestored):
        return body.sku, stands
    found = body.product
    said = {"name": found.name, "category": found.category, "definition": _json(found)}
    return found.sku, {"described": version, **said, **stands}


def of_price_list(event: Event) -> Rows:
    """The row of what a price list says."""
    body: PriceListDefined | PriceListChanged = event.body  # type: ignore[assignment]
    terms = body.terms
    yield (
        "price_lists",
        PRICE_LISTS.row(
            name=body.name,
            version=event.envelope.streamversion,
            currency=terms.currency,
            valid_from=terms.valid_from,
            valid_to=terms.valid_to,
            base=terms.base,
            percent=terms.percent,
            priced=len(terms.prices),
            definition=_json(terms),
            touched=body.at,
        ),
    )


def of_interaction(event: Event) -> Rows:
    """What was counted, and which products were ordered together."""
    if event.envelope.type == "stock.counted":
        return _count(event)
    if event.envelope.type == "order.placed":
        return _together(event)
    return ()


def _count(event: Event) -> Iterator[tuple[str, Row]]:
    found = _counted.decode(event.envelope.data)
    location = "" if found.location is None else found.location
    if not (_is_text(found.sku, 1) and _is_text(location, 0) and _is_quantity(found.quantity)):
        return
    envelope = event.envelope
    yield "stock", (found.sku, location, envelope.stamp, found.quantity, envelope.happened)


def _together(event: Event) -> Iterator[tuple[str, Row]]:
    lines = _placed.decode(event.envelope.data).lines
    skus = sorted({*_skus(lines)} if isinstance(lines, list) else ())[:MOST_TOGETHER]
    shard = int(event.envelope.partitionkey[-8:], 16) % SHARDS  # 32 bits choose the partition
    for sku, other in pairs(skus, skus):
        yield "together", (sku, other, shard, 1)


def _skus(lines: Iterable[object]) -> Iterator[str]:
    for line in lines:
        sku = line.get("sku") if isinstance(line, dict) else None
        if isinstance(sku, str) and _is_text(sku, 1):
            yield sku


def _is_text(value: object, least: int) -> bool:
    return isinstance(value, str) and least <= len(value) <= LONGEST


def _is_quantity(value: object) -> bool:
    return type(value) in (int, float) and abs(value) <= LARGEST  # type: ignore[arg-type]


def _json(content: object) -> str:
    return msgspec.json.encode(content).decode()


PROJECT: Mapping[type, Callable[[Event], Rows]] = {
    **dict.fromkeys((ProductDefined, ProductChanged, ProductRetired, ProductRestored), of_product),
    **dict.fromkeys((PriceListDefined, PriceListChanged), of_price_list),
    Interaction: of_interaction,
}
"""By the class of an event: the rows that it comes to."""
