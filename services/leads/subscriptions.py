"""What becomes of the leads of a subscription that is cancelled, or renewed after all.

A subscription is known by its number; a lead is of the one that began it, as its field says. What
happened last stands, in whatever order it comes to be known: a renewal that was due before the
cancellation is lost by it, one that is due after it is asked for anew.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from services.leads.bounds import SHORT
from services.leads.commands import LoseLead, WinLead
from services.leads.decider import LEAD, PIPELINE
from services.leads.decider.closing import CANCELLED
from services.leads.decider.knowing import open_lead
from services.leads.decider.lead import scope
from services.leads.decider.pipeline import stream_of
from services.leads.events import Field, LeadCaptured
from services.leads.inbound import Interaction
from services.leads.states import Known, Lead
from shared.deciding.policies import Beside, Reaction, Target
from shared.errors import Conflict
from shared.ids import event_id
from shared.projection import Event

RENEWAL, WIN_BACK = "renewal", "win-back"
"""The pipelines of subscriptions that are due, and of those that were cancelled."""


def numbered(event: Event) -> Mapping[str, str]:
    """What an interaction says of its subscription: number, term and when it is due, as texts."""
    told = msgspec.json.decode(event.envelope.data)
    return {
        name: value.strip()[:SHORT]
        for name in ("subscription", "term", "due")
        if isinstance(value := told.get(name), str) and value.strip()
    }


def lapsed(event: Event, number: Field | None, subjects: tuple[str, ...]) -> Reaction:
    """Cancelled: the open lead to renew it is lost, as a renewal that does not come."""
    at = event.envelope.happened

    def command(states: Mapping[str, Any]) -> LoseLead:
        _begun_before(states[scope(RENEWAL)], number, at)
        return LoseLead(pipeline=states[stream_of(RENEWAL)], reason=CANCELLED, at=at)

    return Reaction(
        decider=LEAD,
        stream=event_id("lapsed", _name(event)),
        partitionkey=subjects[0],
        command=command,
        scope=scope(RENEWAL),
        subjects=subjects,
        needs=(Target(PIPELINE, stream_of(RENEWAL)),),
        beside=(Beside(LEAD, scope(RENEWAL)),),
    )


def lapsed_before(event: Event, body: LeadCaptured) -> Reaction | None:
    """A lead to renew what is known to be cancelled since it was due: lost as soon as it begins.

    Known while the lead to win the customer back is open. None where it is no such lead.
    """
    number, stream = body.fields.get("subscription"), event.envelope.stream
    if body.pipeline != RENEWAL or not isinstance(number, str) or stream is None:
        return None

    def command(states: Mapping[str, Any]) -> LoseLead:
        lead = open_lead(states[scope(WIN_BACK)])
        if lead.fields.get("subscription") != number or lead.captured < body.at:
            raise Conflict("This subscription is due.", code="not_cancelled")
        pipeline = states[stream_of(RENEWAL)]
        return LoseLead(pipeline=pipeline, reason=CANCELLED, at=lead.captured)

    return Reaction(
        decider=LEAD,
        stream=stream,
        partitionkey=body.subject,
        command=command,
        subjects=(body.subject,),
        needs=(Target(PIPELINE, stream_of(RENEWAL)),),
        beside=(Beside(LEAD, scope(WIN_BACK)),),
    )


def renewed(event: Event, body: Interaction, subjects: tuple[str, ...]) -> tuple[Reaction, ...]:
    """The open lead to renew is won; else the one to win back whoever had cancelled.

    For the amount that is told, else the lead's own; where none is open there is none to win. A
    renewal wins back only what was cancelled before it and is the same subscription.
    """
    number, at = numbered(event).get("subscription"), event.envelope.happened
    won = WinLead(amount=body.amount, currency=body.currency, at=at)

    def back(states: Mapping[str, Any]) -> WinLead:
        _begun_before(states[scope(WIN_BACK)], number, at)
        return won

    return (
        Reaction(
            decider=LEAD,
            stream=event_id("returned", _name(event)),
            partitionkey=subjects[0],
            command=back,
            scope=scope(WIN_BACK),
            subjects=subjects,
            beside=(Beside(LEAD, scope(WIN_BACK)),),
        ),
        Reaction(
            decider=LEAD,
            stream=event_id("renewed", _name(event)),
            partitionkey=subjects[0],
            command=lambda _: won,
            scope=scope(RENEWAL),
            subjects=subjects,
        ),
    )


def _begun_before(state: Lead, number: Field | None, at: str) -> Known:
    """The open lead of this subscription. Raises Conflict where it is another's, or came later."""
    lead = open_lead(state)
    if number is None or lead.fields.get("subscription") != number:
        raise Conflict("The lead is of another subscription.", code="another_subscription")
    if lead.captured > at:
        raise Conflict("The lead began after this happened.", code="happened_before")
    return lead


def _name(event: Event) -> str:
    return f"{event.envelope.partitionkey}/{event.envelope.event}"
