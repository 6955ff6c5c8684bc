"""What a file is imported as: which fields there are, and which columns go by their names. Pure."""

import re
from collections.abc import Mapping, Sequence

from services.cli.importing.options import Options
from services.contact.types import TYPES
from shared.errors import Fatal

IDENTIFIERS = ("user", "crm", "loyalty", "email", "phone", "device")

_NAMES: dict[str, Sequence[str]] = {
    "id": ("event_id",),
    "time": ("time", "date", "timestamp", "created_at", "created", "occurred_at"),
    "channel": ("channel",),
    "user": ("user", "user_id", "customer_id", "customer"),
    "crm": ("crm", "crm_id"),
    "loyalty": ("loyalty", "loyalty_id", "loyalty_card"),
    "email": ("email", "e_mail", "mail", "email_address"),
    "phone": ("phone", "telephone", "tel", "mobile", "phone_number"),
    "device": ("device", "device_id", "anonymous_id"),
}
_PRICED: dict[str, Sequence[str]] = {
    "amount": ("amount", "total", "revenue"),
    "currency": ("currency", "currency_code"),
}
_LINE: dict[str, Sequence[str]] = {
    "sku": ("sku", "product_id", "article"),
    "quantity": ("quantity", "qty"),
    "price": ("price", "unit_price"),
}
_REQUEST: dict[str, Sequence[str]] = {
    "product": ("product", "sku", "interest"),
    "subject": ("subject", "title"),
    "text": ("text", "message", "comment", "notes"),
}
NAMES: dict[str, dict[str, Sequence[str]]] = {
    "orders": {
        **_NAMES,
        **_PRICED,
        **_LINE,
        "time": (*_NAMES["time"], "order_date", "ordered_at"),
        "type": ("type",),
        "order": ("order", "order_id", "order_number", "number", "id"),
    },
    "contacts": {**_NAMES, "user": (*_NAMES["user"], "id"), "time": ("updated_at", "time")},
    "leads": {**_NAMES, **_PRICED, **_REQUEST},
    "events": {**_NAMES, **_PRICED, "id": ("id", "event_id"), "type": ("type", "event")},
}
"""By kind: the fields, each with the columns that are taken for it where none is named."""

TYPE = {
    "orders": "order.placed",
    "contacts": "customer.described",
    "leads": "information.requested",  # a lead begins with it, or the open one is joined
    "events": None,
}
REQUIRED = {
    "orders": ("order", "amount", "time"),
    "contacts": (),
    "leads": (),
    "events": ("type", "time"),
}
REST = {
    "orders": "data.row",
    "contacts": "traits",
    "leads": "fields of the lead",
    "events": "data",
}
"""Where columns go that are mapped to nothing."""

_ORDER = set(TYPES["order.placed"].__struct_fields__) - {"lines"}


def columns_of(kind: str, columns: Sequence[str], options: Options) -> dict[str, str]:
    """The column of each field. Raises Fatal for a column or a field that there is not."""
    for field, named in options.map.items():
        if columns and named not in columns:
            raise Fatal(f"There is no column {named!r}; there are {', '.join(columns)}.")
        if kind == "orders" and field not in NAMES[kind] and field not in _ORDER:
            known = ", ".join(sorted({*NAMES[kind], *_ORDER}))
            raise Fatal(f"An order has no field {field!r}; it has {known}.")
    taken = set(options.map.values())
    free = {_normal(column): column for column in reversed(columns) if column not in taken}
    found = dict(options.map)
    for field, names in NAMES[kind].items():
        column: str | None = next((free[name] for name in names if name in free), None)
        if field not in found and column is not None:
            found[field] = column
    return found


def missing(kind: str, columns: Mapping[str, str], options: Options) -> str | None:
    """A sentence on what the file lacks altogether, None where nothing."""
    if kind == "leads" and not any(field in columns for field in IDENTIFIERS):
        known = ", ".join(IDENTIFIERS)
        return f"No column is known to identify anybody ({known}): say --map email=COLUMN."
    wanted = [*REQUIRED[kind]]
    if "amount" in wanted and options.currency is None:
        wanted.append("currency")
    lacking = [field for field in wanted if field not in columns]
    if not lacking:
        return None
    field = lacking[0]
    other = " or say --currency EUR" if field == "currency" else ""
    return f"No column is known to be `{field}`: say --map {field}=COLUMN{other}."


def rest(columns: Sequence[str], taken: Mapping[str, str]) -> list[str]:
    """The columns that are mapped to nothing, in the order of the file."""
    return [column for column in columns if column not in taken.values()]


def _normal(column: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", column.lower()).strip("_")
