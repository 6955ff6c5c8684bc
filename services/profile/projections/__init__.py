"""Stage one of the profile: a batch of events in, set-based SQL out; what was seen counts once."""

from collections.abc import Sequence

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
from services.profile.projections.rows import Rows
from shared.database import Connection, Copy, Statement, run
from shared.projection import Event
from shared.seen import record_new


async def fold(connection: Connection, schema: str, events: Sequence[Event]) -> None:
    """Write a batch in the open transaction: event rows first, then what the new ones change."""
    happened = [event for event in events if isinstance(event.body, Body)]
    fresh = await record_new(connection, schema, "events", happened, interactions.event_row)
    decisions = [event for event in events if isinstance(event.body, DecisionBody)]
    decided = await record_new(connection, schema, "decided", decisions, belonging.decided_row)
    await run(connection, schema, project([*fresh, *decided]))


def project(events: Sequence[Event]) -> list[Statement | Copy]:
    """The statements for events that count, in the fixed order of tables."""
    rows = Rows()
    for event in events:
        match event.body:
            case DecisionBody():
                belonging.decide(rows, event, event.body)
            case Body():
                known = interactions.count(rows, event, event.body)
                belonging.pair(rows, event, known)
                _particulars(rows, event, event.body, known)
            case _:
                raise TypeError(f"no fold reads a {type(event.body).__name__}")
    return [
        *interactions.statements(rows),
        *described.statements(rows),
        *things.statements(rows),
        *([Copy("mentions", rows.mentions)] if rows.mentions else []),
        *belonging.statements(rows),
        *rows.pending.statements(),
    ]


def _particulars(rows: Rows, event: Event, body: Body, known: list[interactions.Known]) -> None:
    match body:
        case OrderBody() | SubscriptionBody() | ProductBody():
            things.fold(rows, event, body, bool(known))
        case TraitsBody() | FeedbackBody() | ConsentBody() | MembershipBody():
            described.fold(rows, event, body, bool(known))
        case SeenBody():
            belonging.join_equals(rows, event, known)
        case _:
            pass  # counted, shown, and nothing more
