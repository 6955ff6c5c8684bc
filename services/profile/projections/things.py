"""Things with a life of their own, by namespace and number: orders, subscriptions, products."""

from typing import Any

from services.profile import tables
from services.profile.inbound import OrderBody, ProductBody, SubscriptionBody
from services.profile.projections.rows import Known, Rows, mention
from shared.merging import Merge, earliest, greatest, latest, least, summed
from shared.projection import Event

# A thing belongs to the subject of its earliest event that has an identifier.
ORDERS = Merge(
    tables.orders,
    earliest("attached", "subject"),
    latest("placed", "amount", "currency", "lines"),
    least("ordered"),
    greatest("cancelled"),
    latest("status_stamp", "status"),
    summed("returns", "returned"),
)
SUBSCRIPTIONS = Merge(
    tables.subscriptions,
    earliest("attached", "subject"),
    latest("terms_stamp", "term", "amount", "currency"),
    latest("status_stamp", "status"),
    least("started"),
    summed("renewals"),
)
PRODUCTS = Merge(
    tables.products,
    earliest("attached", "subject"),
    latest("stamp", "sku", "name"),
    least("registered"),
)


def _attached(event: Event, known: list[Known]) -> dict[str, Any]:
    if not known:
        return {}
    return {"subject": event.envelope.partitionkey, "attached": event.envelope.stamp}


def order(rows: Rows, event: Event, body: OrderBody, known: list[Known]) -> None:
    """order.*"""
    envelope, stamp = event.envelope, event.envelope.stamp
    verb = envelope.type.partition(".")[2]
    said: dict[str, Any] = {"status": verb, "status_stamp": stamp} | _attached(event, known)
    if verb == "placed":
        lines = str(body.lines, "utf-8") or None
        said |= {"amount": body.amount, "currency": body.currency, "lines": lines, "placed": stamp}
        said["ordered"] = envelope.happened
    elif verb == "cancelled":
        said["cancelled"] = stamp
    elif verb == "returned":
        said |= {"returns": 1, "returned": body.amount or 0}
    rows["orders"].append(ORDERS.row(namespace=body.namespace, number=body.order, **said))
    mention(rows, event, "order", body.namespace, body.order)


def subscription(rows: Rows, event: Event, body: SubscriptionBody, known: list[Known]) -> None:
    """subscription.*"""
    envelope, stamp = event.envelope, event.envelope.stamp
    verb = envelope.type.partition(".")[2]
    said: dict[str, Any] = {"status": verb, "status_stamp": stamp} | _attached(event, known)
    if body.term is not None or body.amount is not None:
        said |= {"term": body.term, "amount": body.amount, "currency": body.currency}
        said["terms_stamp"] = stamp
    if verb == "started":
        said["started"] = envelope.happened
    elif verb == "renewed":
        said["renewals"] = 1
    key = {"namespace": body.namespace, "number": body.subscription}
    rows["subscriptions"].append(SUBSCRIPTIONS.row(**key, **said))
    mention(rows, event, "subscription", body.namespace, body.subscription)


def product(rows: Rows, event: Event, body: ProductBody, known: list[Known]) -> None:
    """product.registered"""
    rows["products"].append(
        PRODUCTS.row(
            namespace=body.namespace,
            number=body.serial,
            sku=body.sku,
            name=body.name,
            registered=event.envelope.happened,
            stamp=event.envelope.stamp,
            **_attached(event, known),
        )
    )
    mention(rows, event, "product", body.namespace, body.serial)
