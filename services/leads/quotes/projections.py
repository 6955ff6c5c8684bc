"""The rows that opportunities and quotes come to, and how those of each table merge."""

from collections.abc import Callable, Mapping
from typing import Any

from services.leads.part import Rows
from services.leads.quotes import tables
from services.leads.quotes.decider.knowing import ends
from services.leads.quotes.events import (
    OpportunityDescribed,
    QuoteAccepted,
    QuoteDeclined,
    QuoteDrafted,
    QuoteExpired,
    QuoteOrdered,
    QuoteOrderRefused,
    QuoteOrderRetried,
    QuoteRevised,
    QuoteSent,
    QuoteWithdrawn,
    Version,
)
from shared.deciding.due import merged, scheduled, settled
from shared.literals import Row
from shared.merging import Merge, greatest, latest
from shared.projection import Event

OPPORTUNITIES = Merge(
    tables.opportunities,
    latest(
        *("version", "organisation", "amount", "currency", "expected_close", "next_step"),
        *("price_list", "list_version", "touched"),
    ),
)
LINES = Merge(
    tables.opportunity_lines,
    latest("version", "sku", "category", "quantity", "amount", "currency"),
)
PEOPLE = Merge(tables.opportunity_people, latest("version", "role", "subject", "name"))
QUOTES = Merge(
    tables.quotes,
    latest("begun", "lead", "subject", "number", "drafted_at"),
    latest("written", "offer", "amount", "currency", "valid_until"),
    latest("stood", "state", "reason", "closed_at"),
    latest("went", "sent_offer", "sent_at", "sent_by"),
    latest("agreed", "accepted_at"),
    latest("told", "ordering", "ordered", "order_event", "order_position", "problem"),
    greatest("version", "touched"),
)
DUE = merged(tables.due)
TABLES = (OPPORTUNITIES, LINES, PEOPLE, QUOTES, DUE)

EXPIRY = "expiry"
"""The name of the moment that a quote waits for."""


def _described(event: Event) -> Rows:
    body, version = event.body, event.envelope.streamversion
    assert isinstance(body, OpportunityDescribed)
    content, priced = body.content, body.content.priced
    yield (
        OPPORTUNITIES.name,
        OPPORTUNITIES.row(
            lead=body.lead,
            version=version,
            organisation=content.organisation,
            amount=content.amount,
            currency=content.currency,
            expected_close=content.expected_close,
            next_step=content.next_step,
            price_list=priced.price_list if priced else None,
            list_version=priced.version if priced else None,
            touched=body.at,
        ),
    )
    yield from _lines(body, version)
    for number in range(max(body.people, len(content.people))):
        person = content.people[number] if number < len(content.people) else None
        what = (person.role, person.subject, person.name) if person else (None, None, None)
        yield PEOPLE.name, (body.lead, number, version, *what)


def _lines(body: OpportunityDescribed, version: int) -> Rows:
    """One row for each line; those that are there no more are emptied."""
    content = body.content
    for number in range(max(body.lines, len(content.lines))):
        what: Row = (None, None, None, None, None)
        if number < len(content.lines):
            line = content.lines[number]
            amount = content.priced.lines[number].amount if content.priced else None
            currency = content.currency if content.priced else None
            what = (line.sku, content.categories.get(line.sku), line.quantity, amount, currency)
        yield LINES.name, (body.lead, number, version, *what)


def _drafted(event: Event) -> Rows:
    body, envelope = event.body, event.envelope
    assert isinstance(body, QuoteDrafted)
    yield _quote(
        event,
        begun=envelope.streamversion,
        lead=body.lead,
        subject=envelope.partitionkey,
        number=body.number,
        drafted_at=body.at,
        **_offer(event, body.offer),
        **_stands(event, "drafted"),
    )


def _revised(event: Event) -> Rows:
    body = event.body
    assert isinstance(body, QuoteRevised)
    state = _stands(event, "drafted" if body.sent is None else "sent")
    yield _quote(event, **_offer(event, body.offer), **state)


def _sent(event: Event) -> Rows:
    body = event.body
    assert isinstance(body, QuoteSent)
    went = {"sent_offer": body.version, "sent_at": body.at, "sent_by": body.channel}
    version = event.envelope.streamversion
    yield _quote(event, went=version, **went, **_stands(event, "sent"))
    yield DUE.name, scheduled(event, EXPIRY, ends(body.valid_until))


def _accepted(event: Event) -> Rows:
    body, version = event.body, event.envelope.streamversion
    assert isinstance(body, QuoteAccepted)
    yield _quote(
        event,
        written=version,
        offer=body.version,  # a newer one may have been in work
        amount=body.amount,
        currency=body.currency,
        valid_until=body.valid_until,
        agreed=version,
        accepted_at=body.at,
        told=version,
        ordering="pending",
        **_ended(event, "accepted"),
    )
    yield _settled(event)


def _declined(event: Event) -> Rows:
    body = event.body
    assert isinstance(body, QuoteDeclined)
    over = _stands(event, "drafted") if body.revised else _ended(event, "declined", body.reason)
    yield _quote(event, **over)
    yield _settled(event)


def _withdrawn(event: Event) -> Rows:
    assert isinstance(event.body, QuoteWithdrawn)
    yield _quote(event, **_ended(event, "withdrawn", event.body.reason))
    yield _settled(event)


def _expired(event: Event) -> Rows:
    assert isinstance(event.body, QuoteExpired)
    revised = event.body.revised
    yield _quote(event, **(_stands(event, "drafted") if revised else _ended(event, "expired")))
    yield _settled(event)


def _ordered(event: Event) -> Rows:
    body = event.body
    assert isinstance(body, QuoteOrdered)
    yield _quote(
        event,
        told=event.envelope.streamversion,
        ordering="placed",
        ordered=body.at,
        order_event=body.id,
        order_position=body.position,
        **_ended(event, "ordered"),
    )


def _order_refused(event: Event) -> Rows:
    body = event.body
    assert isinstance(body, QuoteOrderRefused)
    version = event.envelope.streamversion
    yield _quote(event, told=version, ordering="refused", problem=f"{body.code}: {body.detail}")


def _order_retried(event: Event) -> Rows:
    assert isinstance(event.body, QuoteOrderRetried)
    yield _quote(event, told=event.envelope.streamversion, ordering="pending")


def _offer(event: Event, offer: Version) -> Mapping[str, Any]:
    return {
        "written": event.envelope.streamversion,
        "offer": offer.version,
        "amount": offer.priced.total,
        "currency": offer.priced.currency,
        "valid_until": offer.valid_until,
    }


def _stands(event: Event, state: str) -> Mapping[str, Any]:
    return {"stood": event.envelope.streamversion, "state": state}


def _ended(event: Event, state: str, reason: str | None = None) -> Mapping[str, Any]:
    return {**_stands(event, state), "reason": reason, "closed_at": event.envelope.time}


def _quote(event: Event, **columns: Any) -> tuple[str, Row]:
    envelope = event.envelope
    version = envelope.streamversion
    row = QUOTES.row(quote=envelope.stream, version=version, touched=envelope.time, **columns)
    return QUOTES.name, row


def _settled(event: Event) -> tuple[str, Row]:
    return DUE.name, settled(event, EXPIRY)


PROJECT: Mapping[type, Callable[[Event], Rows]] = {
    OpportunityDescribed: _described,
    QuoteDrafted: _drafted,
    QuoteRevised: _revised,
    QuoteSent: _sent,
    QuoteAccepted: _accepted,
    QuoteDeclined: _declined,
    QuoteWithdrawn: _withdrawn,
    QuoteExpired: _expired,
    QuoteOrdered: _ordered,
    QuoteOrderRefused: _order_refused,
    QuoteOrderRetried: _order_retried,
}
