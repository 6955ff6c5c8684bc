"""One event of every known type as a touch point sends it."""

from typing import Any

_WHO = [
    {"kind": "user", "namespace": "shop", "value": "42"},
    {"kind": "email", "value": "Jane@Example.com"},
]
_DEVICE = [{"kind": "device", "value": "d-0001"}]
_CALLER = [{"kind": "phone", "value": "+44 20 7946 0958"}]
_ADDRESS = {"address": "Jane@Example.com", "purpose": "newsletter", "consent_channel": "email"}
_MONEY = {"amount": 4990, "currency": "EUR"}
_LINES = [{"sku": "KETTLE-1", "quantity": 1, "price": 4990, "cost": 2100}]
_TERM = {"subscription": "s-7", "term": "P1M", "amount": 990, "currency": "EUR"}
_CALL = {"employee": "e-12", "purpose": "service", "duration": 184}

_DATA: dict[str, dict[str, Any]] = {
    "call.received": {"identifiers": _CALLER, **_CALL},
    "call.placed": {"identifiers": _CALLER, **_CALL, "purpose": "sales"},
    "call.missed": {"identifiers": _CALLER},
    "email.received": {"message": "<1@example.com>", "subject": "My kettle"},
    "email.sent": {"message": "<2@shop.example>", "campaign": "spring", "subject": "Spring"},
    "email.delivered": {"message": "<2@shop.example>"},
    "email.bounced": {"message": "<2@shop.example>", "reason": "mailbox full"},
    "email.opened": {"message": "<2@shop.example>"},
    "email.clicked": {"message": "<2@shop.example>", "link": "https://shop.example/spring"},
    "email.complained": {"message": "<2@shop.example>"},
    "message.received": {"channel": "chat", "conversation": "c-9", "text": "Is it in stock?"},
    "message.sent": {"channel": "chat", "conversation": "c-9", "text": "It is.", "employee": "e-1"},
    "letter.received": {"reference": "l-3", "purpose": "information"},
    "letter.sent": {"reference": "l-4", "campaign": "spring"},
    "desk.visited": {"location": "counter 2", "purpose": "service"},
    "store.visited": {"location": "High Street", "duration": 600},
    "visit.made": {"location": "at the customer's", "employee": "e-12", "duration": 3600},
    "page.viewed": {"identifiers": _DEVICE, "url": "https://shop.example/kettles", "title": "All"},
    "screen.viewed": {"identifiers": _DEVICE, "name": "Basket"},
    "product.viewed": {"channel": "web", "sku": "KETTLE-1"},
    "search.performed": {"channel": "web", "query": "kettle", "results": 12},
    "cart.updated": {"channel": "web", "cart": "b-1", "lines": _LINES, **_MONEY},
    "form.submitted": {"channel": "web", "form": "contact", "fields": {"topic": "kettles"}},
    "information.requested": {"channel": "phone", "product": "KETTLE-1"},
    "information.given": {"channel": "phone", "product": "KETTLE-1", "employee": "e-12"},
    "quote.requested": {"channel": "web", "product": "KETTLE-1", "text": "For 500 of them"},
    "service.requested": {"channel": "desk", "product": "KETTLE-1", "text": "It leaks"},
    "complaint.raised": {"channel": "email", "about": "delivery", "order": "1001"},
    "return.requested": {"channel": "web", "order": "1001", "reason": "leaks", "lines": _LINES},
    "order.placed": {
        "channel": "web",
        "order": "1001",
        **_MONEY,
        "lines": _LINES,
        "promised": "2026-02-03",
    },
    "order.paid": {"channel": "web", "order": "1001", **_MONEY},
    "order.shipped": {"order": "1001", "shipped_quantity": 1, "carrier": "post"},
    "order.delivered": {
        "order": "1001",
        "accepted_quantity": 1,
        "damage": False,
        "documents": True,
    },
    "order.cancelled": {"channel": "desk", "order": "1001", "namespace": "shop", "reason": "late"},
    "order.returned": {"order": "1001", **_MONEY, "lines": _LINES},
    "invoice.sent": {"channel": "letter", "invoice": "i-5", "order": "1001", **_MONEY},
    "invoice.paid": {"invoice": "i-5", **_MONEY},
    "subscription.started": _TERM,
    "subscription.renewed": _TERM,
    "subscription.cancelled": {"subscription": "s-7", "reason": "moved"},
    "subscription.due": {**_TERM, "due": "2026-03-01"},
    "product.registered": {"serial": "SN-0042", "sku": "KETTLE-1", "name": "Kettle"},
    "stock.counted": {"identifiers": [], "sku": "KETTLE-1", "quantity": 17, "location": "HQ"},
    "feedback.given": {"channel": "web", "csat": 5, "nps": 9, "comment": "Good kettle"},
    "review.posted": {"channel": "social", "product": "KETTLE-1", "rating": 4.5, "text": "Good"},
    "competitor.mentioned": {"channel": "phone", "competitor": "Pots & Co", "product": "kettles"},
    "social.mentioned": {"network": "example", "text": "Nice kettle", "sentiment": "positive"},
    "consent.granted": {"channel": "web", **_ADDRESS, "topics": ["wine"], "times": ["evening"]},
    "consent.withdrawn": {"channel": "email", "address": "jane@example.com", "purpose": "all"},
    "customer.described": {"traits": {"name": "Jane Doe", "city": "Leeds", "vip": None}},
    "membership.changed": {
        "organisation": {"namespace": "crm", "id": "acme", "name": "Acme Ltd"},
        "role": "buyer",
        "member": True,
    },
    "identifiers.seen": {},
}


def event(type_: str, **data: Any) -> dict[str, Any]:
    """An event as it is sent; `data` beside the two identifiers of Jane."""
    return {
        "type": type_,
        "id": f"{type_}-1",
        "source": "/web/shop",
        "time": "2026-01-31T12:00:00+01:00",
        "data": {"identifiers": [dict(one) for one in _WHO], **data},
    }


SENT = {type_: event(type_, **data) for type_, data in _DATA.items()}
"""By type."""
