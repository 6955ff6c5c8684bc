"""Stage one of the profile: the rows that events come to, and how the rows of each table merge."""

from collections.abc import Sequence

from services.profile import tables
from services.profile.inbound import (
    Body,
    ConsentBody,
    DecisionBody,
    FeedbackBody,
    MembershipBody,
    OrderBody,
    ProductBody,
    SeenBody,
    SubscriptionBody,
    TraitsBody,
)
from services.profile.projections import belonging, described, interactions, things
from services.profile.projections.pending import PENDING
from services.profile.projections.rows import Known, Rows
from shared.literals import Row
from shared.merging import Added
from shared.projection import Event, Projection


def record(event: Event) -> tuple[str, Row]:
    """The row by which an event is remembered, and its table."""
    if isinstance(event.body, Body):
        return "events", interactions.event_row(event, event.body)
    return "decided", belonging.decided_row(event)


def project(events: Sequence[Event]) -> Rows:
    """The rows that events which count come to."""
    rows = Rows(list)
    for event in events:
        match event.body:
            case DecisionBody():
                belonging.decide(rows, event, event.body)
            case Body():
                known = interactions.count(rows, event, event.body)
                if len(known) > 1:
                    belonging.pair(rows, event, known)
                if type(event.body) is not Body:
                    _particulars(rows, event, event.body, known)
            case _:
                raise TypeError(f"no fold reads a {type(event.body).__name__}")
    return rows


def _particulars(rows: Rows, event: Event, body: Body, known: list[Known]) -> None:
    match body:
        case OrderBody():
            things.order(rows, event, body, bool(known))
        case SubscriptionBody():
            things.subscription(rows, event, body, bool(known))
        case ProductBody():
            things.product(rows, event, body, bool(known))
        case SeenBody():
            belonging.join_equals(rows, event, known)
        case _:
            _descriptions(rows, event, body, bool(known))


def _descriptions(rows: Rows, event: Event, body: Body, identified: bool) -> None:
    match body:
        case TraitsBody():
            described.traits(rows, event, body)
        case FeedbackBody():
            described.feedback(rows, event, body)
        case ConsentBody():
            described.consent(rows, event, body)
        case MembershipBody():
            described.membership(rows, event, body, identified)
        case _:
            pass  # counted, shown, and nothing more


PROJECTION = Projection(
    memory=(tables.events, tables.decided),
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
        Added(tables.mentions),
        belonging.PAIRS,
        belonging.DECISIONS,
    ),
    queue=PENDING,
)
fold = PROJECTION.fold
