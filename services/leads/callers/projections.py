"""The rows by which a caller is known: identifiers of leads, and products of orders and owners."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from services.leads.bounds import SHORT
from services.leads.callers import tables
from services.leads.events import LeadCaptured, LeadInquired
from services.leads.inbound import Interaction
from services.leads.part import Rows
from shared.merging import Merge, greatest, least
from shared.projection import Event

NAMED = Merge(tables.named, least("version"))
HAD = Merge(tables.had, greatest("ordered", "registered"))
TABLES = (NAMED, HAD)

MOST_LINES = 1_000


class _Shape(msgspec.Struct, frozen=True, gc=False):
    """What is of another kind than it should be is not there."""

    lines: Any = None
    sku: Any = None


_decoder = msgspec.json.Decoder(_Shape)
_WHEN = {"order.placed": "ordered", "product.registered": "registered"}


def _named(event: Event) -> Rows:
    body, lead, version = event.body, event.envelope.stream, event.envelope.streamversion
    for each in body.identifiers if isinstance(body, LeadCaptured | LeadInquired) else ():
        if each.subject is not None:
            yield "lead_identifiers", (each.subject, lead, version)


def _had(event: Event) -> Rows:
    """The products of an order's lines, or the one that was registered, by who is named."""
    envelope, body = event.envelope, event.body
    when = _WHEN.get(envelope.type)
    if when is None or not isinstance(body, Interaction):
        return
    if all(each.subject is None for each in body.identifiers):
        return
    shape = _decoder.decode(envelope.data)
    lines = shape.lines if isinstance(shape.lines, list) else []
    skus = [each.get("sku") for each in lines[:MOST_LINES] if isinstance(each, dict)]
    for sku in {_sku(each) for each in [*skus, shape.sku]} - {""}:
        yield (
            "products_had",
            HAD.row(subject=envelope.partitionkey, product=sku, **{when: envelope.stamp}),
        )


def _sku(value: object) -> str:
    return value.strip()[:SHORT] if isinstance(value, str) else ""


PROJECT: Mapping[type, Callable[[Event], Rows]] = {
    LeadCaptured: _named,
    LeadInquired: _named,
    Interaction: _had,
}
