"""What the catalogue's operations answer, as the documentation shows it."""

from typing import Any

STOCK: dict[str, Any] = {
    "on_hand": 17,
    "counted": "2026-11-22T18:00:00.000000Z",
    "locations": [{"location": "HQ", "quantity": 17, "counted": "2026-11-22T18:00:00.000000Z"}],
}

PRODUCT: dict[str, Any] = {
    "version": 2,
    "status": "active",
    "sku": "SET-1",
    "name": "Tea set",
    "category": "kitchen",
    "unit": "set",
    "description": "",
    "contents": {"KETTLE-1": 1, "TEA-7": 2},
    "better": [],
    "goes_with": ["CUP-4"],
    "requires": [],
    "excludes": [],
    "position": "leads.events/3/1042",
}
READ = {name: value for name, value in PRODUCT.items() if name != "position"} | {"stock": STOCK}

PRODUCTS: dict[str, Any] = {
    "data": [READ | {"touched": "2026-11-02T10:00:00.000000Z"}],
    "next_cursor": None,
}

_UNKNOWN = {
    "pointer": "/items/1/contents/KETTEL",
    "code": "unknown_sku",
    "detail": "There is no product 'KETTEL'.",
}
IMPORTED: dict[str, Any] = {
    "results": [
        {
            "sku": "KETTLE-1",
            "result": "defined",
            "version": 1,
            "position": "leads.events/1/1043",
        },
        {
            "sku": "SET-1",
            "result": "refused",
            "code": "unknown_sku",
            "detail": _UNKNOWN["detail"],
            "errors": [_UNKNOWN],
        },
    ]
}

PRICE_LIST: dict[str, Any] = {
    "name": "standard",
    "version": 3,
    "currency": "EUR",
    "valid_from": "2026-01-01",
    "valid_to": "2026-12-31",
    "base": None,
    "percent": 0,
    "prices": {
        "KETTLE-1": [{"quantity": 1, "price": 4990}, {"quantity": 10, "price": 4490}],
        "TEA-7": [{"quantity": 1, "price": 350}],
        "SET-1": [{"quantity": 1, "price": 5200}],
    },
}

PRICE_LISTS: dict[str, Any] = {
    "data": [
        {
            **{name: value for name, value in PRICE_LIST.items() if name != "prices"},
            "priced": 3,
            "touched": "2026-11-02T10:00:00.000000Z",
        }
    ],
    "next_cursor": None,
}

PRICES: dict[str, Any] = {
    "price_list": "standard",
    "version": 3,
    "on": {},
    "currency": "EUR",
    "day": "2026-11-23",
    "lines": [
        {
            "sku": "KETTLE-1",
            "name": "Kettle",
            "unit": "piece",
            "quantity": 2,
            "list_price": 4990,
            "unit_price": 4990,
            "discount": 500,
            "amount": 9481,
            "parts": None,
            "saved": 0,
            "stock": STOCK,
        }
    ],
    "short": [{"sku": "KETTLE-1", "needed": 20, "stock": STOCK}],
    "total": 9481,
    "saved": 0,
    "findings": [
        {
            "pointer": "/lines/0/sku",
            "code": "requires",
            "sku": "KETTLE-1",
            "sets": [["CABLE-2"]],
            "detail": "'KETTLE-1' requires CABLE-2.",
        }
    ],
    "offers": [
        {
            "kind": "goes_with",
            "sku": "TEA-7",
            "name": "Tea",
            "quantity": 2,
            "price": 350,
            "difference": 700,
            "lines": [0],
            "covers": {},
            "stock": None,
        }
    ],
    "bought_together": [
        {"sku": "CUP-4", "name": "Cup", "with": "KETTLE-1", "orders": 12, "of": 40}
    ],
}

_HISTORY: dict[str, Any] = {
    "version": 1,
    "time": "2026-11-01T09:30:00.000000Z",
    "recorded": "2026-11-01T09:30:00.120000Z",
    "actor": "service:shop",
    "correlationid": None,
    "causationid": None,
    "position": "leads.1/3/17",
}


def history(type_: str, **data: Any) -> dict[str, Any]:
    """A page of a history with one event."""
    return {
        "data": [{**_HISTORY, "type": type_, "data": {"at": _HISTORY["time"], **data}}],
        "next_cursor": None,
    }
