"""The same events in every dialect of the door, a hundred in a body."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec


class Dialect(NamedTuple):
    """Where and how a body is posted."""

    target: str
    media: str
    body: Callable[[Sequence[bytes]], bytes]


def _native(events: Sequence[bytes]) -> bytes:
    return b"[" + b",".join(events) + b"]"


def _cloudevents(events: Sequence[bytes]) -> bytes:
    return b"[" + b",".join(b'{"specversion":"1.0",' + one[1:] for one in events) + b"]"


def _segment(events: Sequence[bytes]) -> bytes:
    calls = [_call(msgspec.json.decode(one)) for one in events]
    return msgspec.json.encode({"batch": calls, "sentAt": calls[0]["timestamp"]})


def _call(event: dict[str, Any]) -> dict[str, Any]:
    """An order as Order Completed, anything else as a page."""
    data = event["data"]
    user, *more = data["identifiers"]
    traits = {"email": more[0]["value"]} if more else {}
    call = {
        "messageId": event["id"],
        "timestamp": event["time"],
        "userId": user["value"],
        "context": {"traits": traits, "page": {"url": data.get("url", "")}},
    }
    if "order" not in data:
        said = {"url": data["url"], "title": data["title"], "text": data["text"]}
        return call | {"type": "page", "name": data["title"], "properties": said}
    lines = [
        {"product_id": line["sku"], "quantity": line["quantity"], "price": line["price"] / 100}
        for line in data["lines"]
    ]
    said = {
        "order_id": data["order"],
        "total": data["amount"] / 100,
        "currency": data["currency"],
        "products": lines,
        "text": data["text"],
    }
    return call | {"type": "track", "event": "Order Completed", "properties": said}


def broken(event: bytes) -> bytes:
    """The same event with a field that is refused."""
    return event.replace(b'"direction":"inbound"', b'"direction":"upwards"')


DIALECTS = {
    "native": Dialect("/v1/events", "application/json", _native),
    "cloudevents": Dialect("/v1/events", "application/cloudevents-batch+json", _cloudevents),
    "segment": Dialect("/v1/batch", "application/json", _segment),
}
