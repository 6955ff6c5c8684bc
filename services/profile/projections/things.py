"""Things with a life of their own, by namespace and number: orders, subscriptions, products."""

from typing import Any

from services.profile.inbound import OrderBody, ProductBody, SubscriptionBody
from services.profile.projections.rows import Rows, insert, moment
from shared.database import Statement
from shared.projection import Event

Row = dict[str, Any]


def _attach(row: Row, event: Event, identified: bool) -> None:
    """A thing belongs to the subject of its earliest event that has an identifier."""
    stamp = event.envelope.stamp
    if identified and (row["attached"] is None or stamp < row["attached"]):
        row["subject"], row["attached"] = event.envelope.partitionkey, stamp


def _latest(row: Row, stamp_column: str, stamp: str, **columns: object) -> None:
    """Set the columns where the stamp is the greatest so far."""
    if row[stamp_column] is None or stamp > row[stamp_column]:
        row.update(columns)
        row[stamp_column] = stamp


def fold(
    rows: Rows,
    event: Event,
    body: OrderBody | SubscriptionBody | ProductBody,
    identified: bool,
) -> None:
    match body:
        case OrderBody():
            order(rows, event, body, identified)
            rows.mention(event, "order", body.namespace, body.order)
        case SubscriptionBody():
            subscription(rows, event, body, identified)
            rows.mention(event, "subscription", body.namespace, body.subscription)
        case ProductBody():
            product(rows, event, body, identified)
            rows.mention(event, "product", body.namespace, body.serial)


def order(rows: Rows, event: Event, body: OrderBody, identified: bool) -> None:
    """order.*: each column latest, earliest or summed by itself."""
    envelope = event.envelope
    row = rows.orders.setdefault((body.namespace, body.order), _no_order(body))
    verb, stamp = envelope.type.partition(".")[2], envelope.stamp
    _attach(row, event, identified)
    _latest(row, "status_stamp", stamp, status=verb)
    if verb == "placed":
        lines = bytes(body.lines).decode() or None
        terms = {"amount": body.amount, "currency": body.currency, "lines": lines}
        _latest(row, "placed", stamp, **terms)
        ordered = row["ordered"]
        row["ordered"] = envelope.happened if ordered is None else min(ordered, envelope.happened)
    elif verb == "cancelled":
        _latest(row, "cancelled", stamp)
    elif verb == "returned":
        row["returns"] += 1
        row["returned"] += body.amount or 0
    rows.pending.orders.setdefault((body.namespace, body.order), event.record.place)


def _no_order(body: OrderBody) -> Row:
    nothing = dict.fromkeys(_ORDER_COLUMNS)
    return nothing | {
        "namespace": body.namespace,
        "number": body.order,
        "returns": 0,
        "returned": 0,
    }


def subscription(rows: Rows, event: Event, body: SubscriptionBody, identified: bool) -> None:
    """subscription.*: status and terms latest, start earliest, renewals summed."""
    envelope = event.envelope
    key = (body.namespace, body.subscription)
    row = rows.subscriptions.setdefault(
        key,
        dict.fromkeys(_SUBSCRIPTION_COLUMNS)
        | {"namespace": body.namespace, "number": body.subscription, "renewals": 0},
    )
    verb, stamp = envelope.type.partition(".")[2], envelope.stamp
    _attach(row, event, identified)
    _latest(row, "status_stamp", stamp, status=verb)
    if body.term is not None or body.amount is not None:
        terms = {"term": body.term, "amount": body.amount, "currency": body.currency}
        _latest(row, "terms_stamp", stamp, **terms)
    if verb == "started":
        started = row["started"]
        row["started"] = envelope.happened if started is None else min(started, envelope.happened)
    row["renewals"] += verb == "renewed"


def product(rows: Rows, event: Event, body: ProductBody, identified: bool) -> None:
    """product.registered: description latest, registration earliest."""
    envelope = event.envelope
    row = rows.products.setdefault(
        (body.namespace, body.serial),
        dict.fromkeys(_PRODUCT_COLUMNS) | {"namespace": body.namespace, "number": body.serial},
    )
    _attach(row, event, identified)
    _latest(row, "stamp", envelope.stamp, sku=body.sku, name=body.name)
    registered = row["registered"]
    row["registered"] = (
        envelope.happened if registered is None else min(registered, envelope.happened)
    )


_ORDER_COLUMNS = (
    "namespace",
    "number",
    "subject",
    "attached",
    "amount",
    "currency",
    "lines",
    "placed",
    "ordered",
    "cancelled",
    "status",
    "status_stamp",
    "returns",
    "returned",
)
_SUBSCRIPTION_COLUMNS = (
    "namespace",
    "number",
    "subject",
    "attached",
    "term",
    "amount",
    "currency",
    "terms_stamp",
    "status",
    "status_stamp",
    "started",
    "renewals",
)
_PRODUCT_COLUMNS = (
    "namespace",
    "number",
    "subject",
    "attached",
    "sku",
    "name",
    "registered",
    "stamp",
)

_ATTACH = """
    subject = CASE WHEN excluded.attached < t.attached OR t.attached IS NULL
                   THEN excluded.subject ELSE t.subject END,
    attached = least(t.attached, excluded.attached)"""

_ORDERS = (
    """
INSERT INTO {s}.orders AS t (namespace, number, subject, attached, amount, currency, lines, placed,
                             ordered, cancelled, status, status_stamp, returns, returned)
SELECT * FROM unnest($1::text[], $2::text[], $3::uuid[], $4::text[], $5::bigint[], $6::text[],
                     $7::text[], $8::text[], $9::timestamptz[], $10::text[], $11::text[],
                     $12::text[], $13::bigint[], $14::bigint[])
ON CONFLICT (namespace, number) DO UPDATE SET"""
    + _ATTACH
    + """,
    amount = CASE WHEN excluded.placed > t.placed OR t.placed IS NULL
                  THEN excluded.amount ELSE t.amount END,
    currency = CASE WHEN excluded.placed > t.placed OR t.placed IS NULL
                    THEN excluded.currency ELSE t.currency END,
    lines = CASE WHEN excluded.placed > t.placed OR t.placed IS NULL
                 THEN excluded.lines ELSE t.lines END,
    placed = greatest(t.placed, excluded.placed),
    ordered = least(t.ordered, excluded.ordered),
    cancelled = greatest(t.cancelled, excluded.cancelled),
    status = CASE WHEN excluded.status_stamp > t.status_stamp
                  THEN excluded.status ELSE t.status END,
    status_stamp = greatest(t.status_stamp, excluded.status_stamp),
    returns = t.returns + excluded.returns,
    returned = t.returned + excluded.returned
"""
)

_SUBSCRIPTIONS = (
    """
INSERT INTO {s}.subscriptions AS t (namespace, number, subject, attached, term, amount, currency,
                                    terms_stamp, status, status_stamp, started, renewals)
SELECT * FROM unnest($1::text[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::bigint[],
                     $7::text[], $8::text[], $9::text[], $10::text[], $11::timestamptz[],
                     $12::bigint[])
ON CONFLICT (namespace, number) DO UPDATE SET"""
    + _ATTACH
    + """,
    term = CASE WHEN excluded.terms_stamp > t.terms_stamp OR t.terms_stamp IS NULL
                THEN excluded.term ELSE t.term END,
    amount = CASE WHEN excluded.terms_stamp > t.terms_stamp OR t.terms_stamp IS NULL
                  THEN excluded.amount ELSE t.amount END,
    currency = CASE WHEN excluded.terms_stamp > t.terms_stamp OR t.terms_stamp IS NULL
                    THEN excluded.currency ELSE t.currency END,
    terms_stamp = greatest(t.terms_stamp, excluded.terms_stamp),
    status = CASE WHEN excluded.status_stamp > t.status_stamp
                  THEN excluded.status ELSE t.status END,
    status_stamp = greatest(t.status_stamp, excluded.status_stamp),
    started = least(t.started, excluded.started),
    renewals = t.renewals + excluded.renewals
"""
)

_PRODUCTS = (
    """
INSERT INTO {s}.products AS t (namespace, number, subject, attached, sku, name, registered, stamp)
SELECT * FROM unnest($1::text[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::text[],
                     $7::timestamptz[], $8::text[])
ON CONFLICT (namespace, number) DO UPDATE SET"""
    + _ATTACH
    + """,
    sku = CASE WHEN excluded.stamp > t.stamp THEN excluded.sku ELSE t.sku END,
    name = CASE WHEN excluded.stamp > t.stamp THEN excluded.name ELSE t.name END,
    registered = least(t.registered, excluded.registered),
    stamp = greatest(t.stamp, excluded.stamp)
"""
)


def statements(rows: Rows) -> list[Statement]:
    return [
        *insert(_ORDERS, _columns(rows.orders, "ordered")),
        *insert(_SUBSCRIPTIONS, _columns(rows.subscriptions, "started")),
        *insert(_PRODUCTS, _columns(rows.products, "registered")),
    ]


def _columns(things: dict[tuple[str, ...], Row], when: str) -> list[tuple[Any, ...]]:
    """The rows in key order, the one column of time as a moment."""
    for row in things.values():
        row[when] = None if row[when] is None else moment(row[when])
    return [tuple(things[key].values()) for key in sorted(things)]
