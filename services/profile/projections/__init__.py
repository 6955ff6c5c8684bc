"""Stage one of the profile: the rows that events come to, and how the rows of each table merge."""

from collections.abc import Callable, Sequence
from typing import Any

from services.profile import tables
from services.profile.inbound import (
    Body,
    ConsentBody,
    DecisionBody,
    DisownedBody,
    FeedbackBody,
    LeadBody,
    MembershipBody,
    OrderBody,
    ProductBody,
    SeenBody,
    SubscriptionBody,
    TraitsBody,
)
from services.profile.projections import belonging, described, interactions, leads, things
from services.profile.projections.pending import PENDING
from services.profile.projections.rows import Known, Rows
from shared.literals import Row
from shared.merging import Added
from shared.projection import Event, Projection


def record(event: Event) -> tuple[str, Row] | None:
    """The row by which an event is remembered, and its table; None where nothing is read of it."""
    match event.body:
        case Body():
            return "events", interactions.event_row(event, event.body)
        case LeadBody():
            return "lead_events", leads.event_row(event)
        case None:
            return None
        case _:
            return "decided", belonging.decided_row(event)


def project(events: Sequence[Event]) -> Rows:
    """The rows that events which count come to."""
    rows = Rows(list)
    for event in events:
        body = event.body
        if isinstance(body, Body):
            known = interactions.count(rows, event, body)
            if len(known) > 1:
                belonging.pair(rows, event, known)
            if (particular := _PARTICULARS.get(type(body))) is not None:
                particular(rows, event, body, known)
        else:
            _rare(rows, event)
    return rows


def _rare(rows: Rows, event: Event) -> None:
    """What is not an interaction."""
    body = event.body
    match body:
        case DecisionBody():
            belonging.decide(rows, event, body)
        case DisownedBody():
            belonging.disown(rows, event, body)
        case LeadBody():
            leads.lead(rows, event, body)
        case None:
            pass
        case _:
            raise TypeError(f"no fold reads a {type(body).__name__}")


_PARTICULARS: dict[type[Body], Callable[[Rows, Event, Any, list[Known]], None]] = {
    OrderBody: things.order,
    SubscriptionBody: things.subscription,
    ProductBody: things.product,
    TraitsBody: described.traits,
    FeedbackBody: described.feedback,
    ConsentBody: described.consent,
    MembershipBody: described.membership,
    SeenBody: belonging.join_equals,
}

PROJECTION = Projection(
    memory=(tables.events, tables.decided, tables.lead_events),
    record=record,
    project=project,
    tables=(
        interactions.IDENTIFIERS,
        interactions.COUNTS,
        described.TRAITS,
        described.SATISFACTION,
        described.CONSENTS,
        described.ORGANISATIONS,
        described.MEMBERSHIPS,
        things.ORDERS,
        things.SUBSCRIPTIONS,
        things.PRODUCTS,
        leads.LEADS,
        Added(tables.mentions),
        belonging.PAIRS,
        belonging.DECISIONS,
        belonging.DISOWNED,
    ),
    queue=PENDING,
)
fold = PROJECTION.fold
