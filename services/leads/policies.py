"""What leads does of its own accord: an inquiry begins a lead, or joins the one that is open."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from functools import partial
from typing import Any, NamedTuple

from services.leads.bounds import SHORT
from services.leads.commands import AssignLead, CaptureLead
from services.leads.decider import LEAD, PIPELINE, ROUTING
from services.leads.decider.capturing import LONGEST_SOURCE
from services.leads.decider.knowing import open_lead
from services.leads.decider.lead import scope
from services.leads.decider.pipeline import defined, stream_of
from services.leads.decider.routing import STREAM as ROUTES
from services.leads.events import (
    Field,
    LeadAssigned,
    LeadCaptured,
    LeadLost,
    LeadMerged,
    LeadScored,
    LeadWon,
)
from services.leads.inbound import Belongs, Interaction
from services.leads.part import Part
from services.leads.routes import LeadRouted, LetLeadGo, RouteLead
from services.leads.states import Known, Pipeline
from services.leads.subscriptions import (
    RENEWAL,
    WIN_BACK,
    lapsed,
    lapsed_before,
    numbered,
    renewed,
)
from shared.deciding.policies import Belonging, Policy, Reaction, Target
from shared.errors import Conflict
from shared.identifiers import RANK
from shared.ids import event_id
from shared.projection import Event

NAME = "leads"

TITLES = {
    "form.submitted": "Form",
    "information.requested": "Information",
    "quote.requested": "Quote",
    "call.received": "Call",
    "call.missed": "Missed call",
    "message.received": "Message",
    "email.received": "E-mail",
    "letter.received": "Letter",
    "desk.visited": "Visit to the desk",
    "store.visited": "Visit to the store",
}
"""The types that may ask for something, and the title of a lead that begins with one.

No other opens a lead by itself: what we say ourselves (call.placed, message.sent, visit.made) is
work on one, and interest (product.viewed, page.viewed) counts by its score.
"""

SUBSCRIPTIONS = {
    "subscription.due": (RENEWAL, "Renewal"),
    "subscription.cancelled": (WIN_BACK, "Cancelled subscription"),
}
"""What becomes of a subscription that begins a lead, whoever tells it: its pipeline and title."""

CANCELLED = "subscription.cancelled"
"""Loses the open lead to renew it, beside the lead that it begins."""

RENEWED = "subscription.renewed"
"""Wins the customer's open lead to renew it, or to win it back."""

_ALWAYS = frozenset({"information.requested", "quote.requested"})
"""Types that ask for something whatever purpose they name; a form does unless it names another."""


class Ignored(StrEnum):
    """Why an interaction that may ask for something asks for nothing here."""

    OURS = "it did not come from the customer"
    AUTOMATIC = "a program wrote it"
    NOT_SALES = "it is not about buying"
    NOBODY = "nobody knows who it was"


class Inquiry(NamedTuple):
    """What an interaction asks for, and by whom: the strongest subject first.

    `fields`: what the lead has of its own instead of what was filled in.
    """

    pipeline: str
    title: str
    product: str | None
    subjects: tuple[str, ...]
    fields: Mapping[str, Field] = {}


def react(event: Event) -> Sequence[Reaction] | None:
    """None where no lead is concerned; nothing where one might have been."""
    match event.body:
        case Interaction():
            return _inquire(event, event.body)
        case LeadCaptured():
            return _captured(event, event.body)
        case LeadScored():
            return [_route_by_score(event, event.body)]
        case LeadRouted():
            return [_assigning(event.body)]
        case LeadWon() | LeadLost() | LeadMerged():
            return [_routing(LetLeadGo(lead=_lead(event), at=event.body.at))]
        case LeadAssigned(owner=owner):
            return [_routing(LetLeadGo(lead=_lead(event), owner=owner, at=event.body.at))]
        case _:
            return None


def _captured(event: Event, body: LeadCaptured) -> Sequence[Reaction] | None:
    """What is cancelled already is lost; what nobody has goes to somebody."""
    late = lapsed_before(event, body)
    wanted = [] if late is None else [late]
    if body.owner is None:
        wanted.append(_route(event, body))
    return wanted or None


def _inquire(event: Event, body: Interaction) -> Sequence[Reaction] | None:
    type_ = event.envelope.type
    if type_ == RENEWED:
        subjects = subjects_of(body)
        return renewed(event, body, subjects) if subjects else []
    if type_ in SUBSCRIPTIONS:
        asked = subscribed(event, body)
    elif type_ in TITLES:
        asked = ask(type_, body)
    else:
        return None
    if isinstance(asked, Ignored):
        return []
    wanted = [_capturing(event, body, asked)]
    if type_ == CANCELLED:
        wanted.insert(0, lapsed(event, asked.fields.get("subscription"), asked.subjects))
    return wanted


def _capturing(event: Event, body: Interaction, asked: Inquiry) -> Reaction:
    return Reaction(
        decider=LEAD,
        stream=event_id("capture", f"{event.envelope.partitionkey}/{event.envelope.event}"),
        partitionkey=asked.subjects[0],
        command=partial(_capture, event, body, asked),
        scope=scope(asked.pipeline),
        subjects=asked.subjects,
        needs=(Target(PIPELINE, stream_of(asked.pipeline)),),
    )


def subscribed(event: Event, body: Interaction) -> Inquiry | Ignored:
    """The lead that one of `SUBSCRIPTIONS` begins; its number and when it is due are fields."""
    subjects = subjects_of(body)
    if not subjects:
        return Ignored.NOBODY
    pipeline, title = SUBSCRIPTIONS[event.envelope.type]
    fields = numbered(event)
    number = fields.get("subscription")
    product = body.product and body.product[:SHORT]
    title = f"{title}: {product or number}" if product or number else title
    return Inquiry(pipeline, title[:SHORT], product, subjects, fields)


def _lead(event: Event) -> str:
    """The lead that one of our own events is about."""
    assert event.envelope.stream is not None
    return event.envelope.stream


def _route(event: Event, body: LeadCaptured) -> Reaction:
    """By what is known when it begins."""
    lead, pipeline = _lead(event), stream_of(body.pipeline)

    def command(states: Mapping[str, Any]) -> RouteLead:
        return _asking(lead, states[pipeline], body, body.at)

    return Reaction(ROUTING, ROUTES, ROUTES, command, needs=(Target(PIPELINE, pipeline),))


def _route_by_score(event: Event, body: LeadScored) -> Reaction:
    """Once more, now that it came to a score that a rule asks for; not one assigned by hand."""
    lead, pipeline = _lead(event), stream_of(body.pipeline)

    def command(states: Mapping[str, Any]) -> RouteLead:
        found = open_lead(states[lead])
        if found.owner is not None and found.rule is None:
            raise Conflict("Somebody assigned this lead by hand.", code="assigned_by_hand")
        asking = _asking(lead, states[pipeline], found, body.at)
        return replace(asking, score=body.reached, owner=found.owner, rule=found.rule)

    needs = (Target(LEAD, lead), Target(PIPELINE, pipeline))
    return Reaction(ROUTING, ROUTES, ROUTES, command, needs=needs)


def _asking(lead: str, pipeline: Pipeline, known: LeadCaptured | Known, at: str) -> RouteLead:
    """Who is to have a lead of which this is known."""
    return RouteLead(
        lead=lead,
        pipeline=known.pipeline,
        kind=defined(pipeline).kind,
        source=known.source,
        channel=known.channel,
        product=known.product,
        fields=known.fields,
        at=at,
    )


def _routing(command: LetLeadGo) -> Reaction:
    return Reaction(ROUTING, ROUTES, ROUTES, lambda _: command)


def _assigning(body: LeadRouted) -> Reaction:
    """By the rule that was found; a lead that was closed meanwhile refuses it."""
    score = f", by a score of {body.score} or more" if body.score is not None else ""
    turn = f", whose turn it was in {body.team}" if body.team else ""
    reason = f"rule {body.rule}{score}{turn}"
    command = AssignLead(owner=body.owner, reason=reason, rule=body.rule, at=body.at)
    return Reaction(LEAD, body.lead, body.lead, lambda _: command)


def ask(type_: str, body: Interaction) -> Inquiry | Ignored:
    """What an interaction of one of `TITLES` asks for; partners ask in a pipeline of their own."""
    if body.direction != "inbound":
        return Ignored.OURS
    if body.automatic:
        return Ignored.AUTOMATIC
    if not _is_about_buying(type_, body.purpose):
        return Ignored.NOT_SALES
    subjects = subjects_of(body)
    if not subjects:
        return Ignored.NOBODY
    pipeline = "partner" if body.channel == "partner" else "sales"
    product = body.product and body.product[:SHORT]
    return Inquiry(pipeline, _title(type_, body)[:SHORT], product, subjects)


def belongs(event: Event) -> Belonging | None:
    """What is told of who belongs to whom."""
    if not isinstance(event.body, Belongs):
        return None
    return Belonging(str(event.body.subject), str(event.body.customer), event.body.revision)


def _is_about_buying(type_: str, purpose: str | None) -> bool:
    if type_ in _ALWAYS:
        return True
    return purpose == "sales" or (type_ == "form.submitted" and purpose is None)


def subjects_of(body: Interaction) -> tuple[str, ...]:
    """The subjects of an interaction, strongest first; claims are none."""
    usable = [each for each in body.identifiers if each.subject is not None and not each.claim]
    ranked = sorted((-RANK.get(each.kind, -1), each.subject or "") for each in usable)
    return tuple(dict.fromkeys(subject for _, subject in ranked))


def _title(type_: str, body: Interaction) -> str:
    about = body.headline or body.product or body.form
    return f"{TITLES[type_]}: {about}" if about else TITLES[type_]


def _capture(
    event: Event, body: Interaction, asked: Inquiry, states: Mapping[str, Any]
) -> CaptureLead:
    return CaptureLead(
        pipeline=states[stream_of(asked.pipeline)],
        subject=asked.subjects[0],
        source=event.envelope.source[:LONGEST_SOURCE].strip() or "unknown",
        channel=body.channel[:64].strip() or "unknown",
        title=asked.title,
        identifiers=body.identifiers,
        product=asked.product,
        amount=body.amount,
        currency=body.currency,
        fields=asked.fields or body.fields,
        interaction=event.envelope.event,
        at=event.envelope.happened,
    )


Reacting = Callable[[Event], Sequence[Reaction] | None]


def policy(parts: Sequence[Part]) -> Policy:
    """What leads wants of an event, and what the parts do."""

    reacting: dict[type[object], Sequence[Reacting]] = {}

    def reacted(event: Event) -> Sequence[Reaction] | None:
        body = type(event.body)
        found = reacting.get(body)
        if found is None:
            others = (part.react[body] for part in parts if body in part.react)
            found = reacting[body] = (react, *others)
        return _react(found, event)

    return Policy(NAME, reacted, belongs)


def _react(reacting: Sequence[Reacting], event: Event) -> Sequence[Reaction] | None:
    wanted = [found for each in reacting if (found := each(event)) is not None]
    return [reaction for found in wanted for reaction in found] if wanted else None
