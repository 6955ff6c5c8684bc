"""The answers of the profile's API as its documentation shows them."""

from collections.abc import Mapping
from typing import Any

from shared.documents import answers, problem

CUSTOMER = "5b2f0b0e-5a55-8c1d-9f0a-2d6f3a1c7e42"
OTHER = "a1c9d3e4-7b60-8f25-8a3c-90de41b7f6c8"
_MOMENT = "2026-01-31T12:00:00.000001Z"
_POSITION = "interactions.1/3/1042"
_EVENT = "7d0e6c1f-2f4b-8e3a-b1d5-6a9c8e7f0b21"

_EMAIL = {"kind": "email", "namespace": "", "value": "jane@example.com", "subject": OTHER}
_USER = {"kind": "user", "namespace": "shop", "value": "42", "subject": CUSTOMER}
_SOURCE = {"event": _EVENT, "source": "/web/shop", "id": "o-1001", "position": _POSITION}

_TIMELINE_ROW = {
    "event": _EVENT,
    "subject": CUSTOMER,
    "time": _MOMENT,
    "recorded": _MOMENT,
    "type": "order.placed",
    "channel": "web",
    "direction": "inbound",
    "source": "/web/shop",
    "id": "o-1001",
    "position": _POSITION,
    "data": {"channel": "web", "direction": "inbound", "order": "1001", "amount": 4990},
}

_NOT_THEN = {
    **problem(
        400,
        {
            "detail": "`as_of` is not over yet: what will have been is not known.",
            "errors": [
                {
                    "pointer": "/query/as_of",
                    "code": "future",
                    "detail": "`as_of` is not over yet: what will have been is not known.",
                }
            ],
        },
    ),
    "description": "`as_of` or `known_at` is no moment, or not over yet; `errors` names it",
}


def explained(*statuses: int) -> dict[int | str, Any]:
    """The answers of the operation that explains."""
    detail = "There is no field income; there are id, subjects, identifiers, first_seen ..."
    error = {"pointer": "/query/field", "code": "field", "detail": detail}
    fields = ["id", "subjects", "identifiers", "first_seen"]
    refused = problem(400, {"detail": detail, "errors": [error], "fields": fields})
    refused["description"] = "There is no such field; `fields` lists all there are"
    return answers(EXPLAINED, *statuses) | {400: refused}


def then(example: Mapping[str, Any], *statuses: int) -> dict[int | str, Any]:
    """The answers of an operation that can also be asked as of a moment."""
    return answers(example, *statuses) | {400: _NOT_THEN}


PROFILE: dict[str, Any] = {
    "id": CUSTOMER,
    "subjects": 2,
    "identifiers": [{**_USER, "shared": False}, {**_EMAIL, "shared": False}],
    "traits": {"name": {"value": "Jane Doe", "time": _MOMENT, **_SOURCE}},
    "first_seen": _MOMENT,
    "last_seen": _MOMENT,
    "interactions": {
        "total": 3,
        "by_channel": {"web": 3},
        "by_type": {"order.placed": 1, "page.viewed": 2},
    },
    "orders": {
        "count": 1,
        "by_status": {"placed": 1},
        "first": _MOMENT,
        "last": _MOMENT,
        "returns": 0,
    },
    "revenue": {"EUR": {"orders": 1, "amount": 4990, "returned": 0, "net": 4990, "average": 4990}},
    "leads": {
        "open": 1,
        "won": 1,
        "lost": 0,
        "pipeline_value": {"EUR": 120000},
        "won_value": {"EUR": 4990},
        "open_leads": [
            {
                "id": "c0c9a1f2-6f0d-8a53-b0a4-1f2e3d4c5b6a",
                "pipeline": "sales",
                "stage": "proposal",
                "title": "Quote: KETTLE-1",
                "amount": 120000,
                "currency": "EUR",
                "expected_close": "2026-03-31",
                "owner": "representative:7",
                "captured": _MOMENT,
                "subject": CUSTOMER,
            }
        ],
    },
    "complaints": 0,
    "satisfaction": {
        "csat": {"responses": 1, "average": 5.00},
        "nps": {"responses": 1, "promoters": 1, "detractors": 0, "score": 100.0},
    },
    "consents": [
        {
            "channel": "email",
            "address": "jane@example.com",
            "purpose": "newsletter",
            "granted": True,
            "choices": {"topics": ["wine"]},
            "time": _MOMENT,
            **_SOURCE,
        }
    ],
    "subscriptions": [
        {
            "namespace": "shop",
            "number": "s-7",
            "status": "started",
            "term": "P1M",
            "amount": 990,
            "currency": "EUR",
            "started": _MOMENT,
            "renewals": 0,
            "subject": CUSTOMER,
        }
    ],
    "products": [
        {
            "namespace": "",
            "number": "SN-0042",
            "sku": "KETTLE-1",
            "name": "Kettle",
            "registered": _MOMENT,
            "subject": CUSTOMER,
        }
    ],
    "memberships": [
        {
            "namespace": "",
            "number": "acme",
            "name": "Acme Ltd",
            "role": "buyer",
            "since": _MOMENT,
            "subject": CUSTOMER,
            "event": _EVENT,
        }
    ],
    "timeline": None,
}

CUSTOMERS: dict[str, Any] = {
    "data": [
        {
            "id": CUSTOMER,
            "name": "Jane Doe",
            "subjects": 2,
            "first_seen": _MOMENT,
            "last_seen": _MOMENT,
            "interactions": 3,
            "orders": 1,
            "currency": "EUR",
            "revenue": 4990,
            "revenues": {"EUR": 4990},
            "last_order": _MOMENT,
        }
    ],
    "next_cursor": None,
}

TIMELINE: dict[str, Any] = {"data": [_TIMELINE_ROW], "next_cursor": None}

EXPLAINED: dict[str, Any] = {
    "customer": CUSTOMER,
    "field": "revenue.EUR.amount",
    "value": 4990,
    "rule": "Over the orders of this currency that were placed and not cancelled since, the latest "
    "order.placed of each: `orders` their number, `amount` the sum, `returned` what was given back "
    "of them, `net` the difference, `average` the amount by order, rounded; in minor units.",
    "belonging": f"/v1/customers/{CUSTOMER}/belonging",
    "data": [
        {
            **{name: _TIMELINE_ROW[name] for name in ("event", "subject", "source", "id", "type")},
            "time": _MOMENT,
            "recorded": _MOMENT,
            "position": _POSITION,
            "key": "shop",
            "contributed": {
                "namespace": "shop",
                "order": "1001",
                "amount": 4990,
                "currency": "EUR",
            },
            "stands": True,
            "reason": None,
        }
    ],
    "next_cursor": None,
}

BELONGING: dict[str, Any] = {
    "customer": CUSTOMER,
    "data": [
        {
            "kind": "email",
            "namespace": "",
            "value": "jane@example.com",
            "subject": OTHER,
            "shared": False,
            "root": CUSTOMER,
            "owners": [{"identifier": _USER, "direct": True, "since": _MOMENT, "through": []}],
            "pairs": [
                {
                    "identifier": _USER,
                    "key": "shop",
                    "disowned": False,
                    "event": _EVENT,
                    "position": _POSITION,
                    "type": "order.placed",
                    "source": "/web/shop",
                    "id": "o-1001",
                    "time": _MOMENT,
                    "recorded": _MOMENT,
                }
            ],
            "decisions": [],
            "lost": [
                {
                    "identifier": {**_USER, "value": "43", "subject": _EVENT},
                    "direct": True,
                    "since": _MOMENT,
                    "reason": "seen later",
                    "to": _USER,
                }
            ],
        }
    ],
    "next_cursor": None,
}

_EVIDENCE = {
    "weaker": _EMAIL,
    "stronger": _USER,
    "hint": False,
    "key": "shop",
    "event": _EVENT,
    "position": _POSITION,
    "time": _MOMENT,
    "recorded": _MOMENT,
}

DUPLICATES: dict[str, Any] = {
    "customer": CUSTOMER,
    "data": [{"customer": OTHER, "evidence": [_EVIDENCE]}],
    "next_cursor": None,
}

ALL_DUPLICATES: dict[str, Any] = {
    "data": [{"customers": [CUSTOMER, OTHER], "evidence": [_EVIDENCE]}],
    "next_cursor": None,
}

ORGANISATIONS: dict[str, Any] = {
    "data": [{"namespace": "", "number": "acme", "name": "Acme Ltd", "members": 1}],
    "next_cursor": None,
}

_MEMBER = {"customer": CUSTOMER, "subject": CUSTOMER, "role": "buyer", "since": _MOMENT}

ORGANISATION: dict[str, Any] = {
    "namespace": "",
    "number": "acme",
    "name": "Acme Ltd",
    "members_total": 1,
    "former_members_total": 0,
    "members": [{**_MEMBER, "event": _EVENT}],
    "former_members": [],
    "next_cursor": None,
}

DECIDED: dict[str, Any] = {
    "id": "019c13a0-5c3e-7c52-8a6e-2f3f1f6f7a10",
    "position": "identity.1/3/7",
    "decision": "apart",
    "identifiers": [_EMAIL, _USER],
    "time": _MOMENT,
}

DISOWNED: dict[str, Any] = {
    "id": "019c13a0-5c3e-7c52-8a6e-2f3f1f6f7a11",
    "position": "identity.1/0/8",
    "key": "web",
    "time": _MOMENT,
}

CHAIN: dict[str, Any] = {
    "code": "nothing_to_separate",
    "chain": [
        {
            "from": _EMAIL,
            "to": _USER,
            "by": "seen",
            "event": _EVENT,
            "position": _POSITION,
            "recorded": _MOMENT,
        }
    ],
}
