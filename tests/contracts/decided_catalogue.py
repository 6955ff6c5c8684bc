"""One event of every type that the catalogue decides, with everything in it."""

from typing import Any

from services.leads.catalogue.decider import PRICE_LIST, PRODUCT
from services.leads.catalogue.decider.price_list import stream_of as list_stream_of
from services.leads.catalogue.decider.product import stream_of
from services.leads.catalogue.events import (
    Break,
    Definition,
    PriceListChanged,
    PriceListDefined,
    PriceListEvent,
    ProductChanged,
    ProductDefined,
    ProductEvent,
    ProductRestored,
    ProductRetired,
    Terms,
)
from tests.records import at

_SET = Definition(
    sku="SET-1",
    name="Tea set",
    category="kitchen",
    unit="set",
    description="For two.",
    contents={"KETTLE-1": 1, "TEA-7": 2},
    better=("SET-2",),
    goes_with=("CUP-4",),
    requires=(("CABLE-2",), ("STOVE-1", "CABLE-3")),
    excludes=("STOVE-9",),
)
_TERMS = Terms(
    currency="EUR",
    prices={"SET-1": (Break(1, 5200), Break(10, 4990))},
    valid_from="2026-01-01",
    valid_to="2026-12-31",
    base="standard",
    percent=-1000,
)
_OF_PRODUCTS: list[ProductEvent] = [
    ProductDefined(_SET, at=at(1)),
    ProductChanged(_SET, at=at(2)),
    ProductRetired("SET-1", "A better one is there.", at=at(3)),
    ProductRestored("SET-1", "It is asked for.", at=at(4)),
]
_OF_PRICE_LISTS: list[PriceListEvent] = [
    PriceListDefined("partner-gold", _TERMS, at=at(1)),
    PriceListChanged("partner-gold", 2, _TERMS, at=at(2)),
]
_PRODUCT, _PRICE_LIST = stream_of("SET-1"), list_stream_of("partner-gold")

EVENTS: dict[str, tuple[str, str, Any]] = {
    **{PRODUCT.name_of(event): (_PRODUCT, _PRODUCT, event) for event in _OF_PRODUCTS},
    **{PRICE_LIST.name_of(event): (_PRICE_LIST, _PRICE_LIST, event) for event in _OF_PRICE_LISTS},
}
"""By type: the stream, the partition key, the event."""
