"""Rows of orders, subscriptions, costs and contacts: from interactions, read tolerantly."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from services.leads.bounds import LARGEST, SHORT
from services.leads.currencies import CURRENCIES
from services.leads.inbound import Interaction
from services.leads.measuring import tables
from services.leads.part import Rows
from shared.literals import Row
from shared.merging import Merge, earliest, greatest, latest, least
from shared.projection import Event

ORDERS = Merge(
    tables.orders,
    earliest("attached", "subject"),
    latest("placed", "amount", "currency", "cost"),
    least("ordered"),
    greatest("cancelled"),
)
RETURNS, TERMS = Merge(tables.returns), Merge(tables.terms)
COSTS, CONTACTS = Merge(tables.costs), Merge(tables.contacts)
MERGES = (ORDERS, RETURNS, TERMS, COSTS, CONTACTS)

_LONGEST, _MOST_LINES = 512, 1_000


class _Shape(msgspec.Struct, frozen=True, gc=False):
    """The fields that are read, each of which may be anything."""

    namespace: Any = None
    order: Any = None
    subscription: Any = None
    term: Any = None
    amount: Any = None
    currency: Any = None
    lines: Any = None
    employee: Any = None
    purpose: Any = None
    owner: Any = None
    pipeline: Any = None
    source: Any = None
    product: Any = None
    country: Any = None
    region: Any = None


_decoder = msgspec.json.Decoder(_Shape)


def project(event: Event) -> Rows:
    """The rows that an interaction comes to; of most types none.

    - `order.placed`, `cancelled`, `returned`: `order`, `namespace`, `amount` in minor units of
      `currency`, `lines[]{quantity, cost}`; an order placed without an amount is none
    - `subscription.started`, `renewed`, `cancelled`, `due`: `subscription`, `namespace`, `term`
      (P1M, P1Y, month, yearly ...), `amount` a term, `currency`
    - `cost.recorded`: `amount`, `currency` and, each where it is known, `purpose` (leads, where
      none is named; sales; retention; or another), `source`, `pipeline`, `product`, `owner`,
      `country`, `region`; spent on a customer where it names one
    - calls, visits, mail, messages and letters of ours: `employee`, else who recorded it, where
      that is a representative; `purpose`
    """
    reader = _READERS.get(event.envelope.type)
    return reader(event, _decoder.decode(event.envelope.data)) if reader else ()


def _order(event: Event, shape: _Shape) -> Rows:
    number, stamp = _text(shape.order, _LONGEST), event.envelope.stamp
    if number is None:
        return
    named = {"namespace": _text(shape.namespace, _LONGEST) or "", "number": number}
    said: dict[str, Any] = {}
    amount, currency = _money(shape)
    match event.envelope.type:
        case "order.placed" if amount is not None:
            said = {"placed": stamp, "amount": amount, "currency": currency}
            said |= {"cost": _cost(shape.lines), "ordered": event.envelope.happened}
        case "order.cancelled":
            said = {"cancelled": stamp}
        case "order.returned" if (back := _amount(shape.amount)) is not None:
            row = (*named.values(), stamp, event.envelope.happened, back, _currency(shape))
            yield "returns", row
    if (subject := _somebody(event)) is not None:
        said |= {"subject": subject, "attached": stamp}
    yield "orders", ORDERS.row(**named, **said)


def _subscription(event: Event, shape: _Shape) -> Rows:
    number, envelope = _text(shape.subscription, _LONGEST), event.envelope
    if number is None:
        return
    namespace, term = _text(shape.namespace, _LONGEST) or "", _text(shape.term, SHORT)
    amount, currency = _money(shape)
    yield (
        "terms",
        (
            *(namespace, number, envelope.stamp, _somebody(event)),
            *(envelope.type.partition(".")[2], envelope.happened),
            *(term, amount, currency, _yearly(amount, term)),
        ),
    )


def _spent(event: Event, shape: _Shape) -> Rows:
    amount, currency = _money(shape)
    if amount is None:
        return
    told = (_text(getattr(shape, name), _LONGEST) for name in _TOLD)
    purpose = _text(shape.purpose, SHORT) or "leads"
    yield "costs", (*_of_event(event), amount, currency, purpose, *told)


_TOLD = ("owner", "pipeline", "source", "product", "country", "region")


def _contact(event: Event, shape: _Shape) -> Rows:
    who = representative(_text(shape.employee, SHORT), event.envelope.actor)
    yield (
        "contacts",
        (*_of_event(event), event.envelope.type, _text(shape.purpose, SHORT), who),
    )


def visited(event: Event) -> Rows:
    """A visit of which the report came with a lead: one made by who reported it."""
    envelope = event.envelope
    what = (True, envelope.happened, "visit.made", None, representative(None, envelope.actor))
    yield "contacts", (envelope.partitionkey, envelope.event, *what)


def _of_event(event: Event) -> Row:
    envelope = event.envelope
    known = _somebody(event) is not None
    return envelope.partitionkey, envelope.event, known, envelope.happened


def representative(employee: str | None, actor: str) -> str | None:
    """Whose contact it was, as leads name their owners: employee 7 is `representative:7`."""
    if employee is not None:
        return employee if ":" in employee else f"representative:{employee}"
    return actor if actor.startswith("representative:") else None


def _somebody(event: Event) -> str | None:
    """The subject, where an event names somebody."""
    assert isinstance(event.body, Interaction)
    known = any(each.subject is not None and not each.claim for each in event.body.identifiers)
    return event.envelope.partitionkey if known else None


def _money(shape: _Shape) -> tuple[int | None, str | None]:
    amount, currency = _amount(shape.amount), _currency(shape)
    return (None, None) if amount is None or currency is None else (amount, currency)


def _amount(value: object) -> int | None:
    return value if type(value) is int and 0 <= value <= LARGEST else None


def _currency(shape: _Shape) -> str | None:
    known = isinstance(shape.currency, str) and shape.currency in CURRENCIES
    return shape.currency if known else None


def _cost(lines: object) -> int | None:
    """What the pieces of an order cost, as far as its lines say."""
    found = [
        pieces * cost
        for line in (lines[:_MOST_LINES] if isinstance(lines, list) else ())
        if isinstance(line, dict) and (cost := _amount(line.get("cost"))) is not None
        if (pieces := _amount(line.get("quantity", 1))) is not None
    ]
    return sum(found) if found else None


def _text(value: object, most: int) -> str | None:
    """Text that says something and is not too long to be a name."""
    if not isinstance(value, str) or len(value) > most:
        return None
    return value.strip() or None


_PERIOD = re.compile(r"P([1-9][0-9]{0,3})([DWMY])")
_WORDS = {
    **dict.fromkeys(("day", "daily"), (1, "D")),
    **dict.fromkeys(("week", "weekly"), (1, "W")),
    **dict.fromkeys(("month", "monthly"), (1, "M")),
    **dict.fromkeys(("quarter", "quarterly"), (3, "M")),
    **dict.fromkeys(("year", "yearly", "annual", "annually"), (1, "Y")),
}
_A_YEAR = {"D": 365, "W": 52, "M": 12, "Y": 1}


def _yearly(amount: int | None, term: str | None) -> int | None:
    """Minor units a year, rounded half up: 365 days, 52 weeks, 12 months are one."""
    if amount is None or term is None:
        return None
    match = _PERIOD.fullmatch(term)
    found = (int(match[1]), match[2]) if match else _WORDS.get(term.lower())
    if found is None:
        return None
    times, unit = found
    return (2 * amount * _A_YEAR[unit] + times) // (2 * times)


_READERS: Mapping[str, Callable[[Event, _Shape], Iterable[tuple[str, Row]]]] = {
    **dict.fromkeys(("order.placed", "order.cancelled", "order.returned"), _order),
    **dict.fromkeys(
        (f"subscription.{verb}" for verb in ("started", "renewed", "cancelled", "due")),
        _subscription,
    ),
    "cost.recorded": _spent,
    **dict.fromkeys(
        ("call.placed", "call.received", "visit.made", "email.sent", "message.sent"), _contact
    ),
    "letter.sent": _contact,
}
