"""What comes to prospects of its own accord: consent withdrawn, leads begun, lost, brought back."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec

from services.leads.bounds import SHORT
from services.leads.commands import CaptureLead
from services.leads.decider import LEAD, PIPELINE
from services.leads.decider.lead import scope
from services.leads.decider.pipeline import stream_of as pipeline_of
from services.leads.events import LeadCaptured, LeadInquired, LeadLost
from services.leads.inbound import Interaction
from services.leads.policies import subjects_of
from services.leads.prospects.commands import BarProspect, BringBack, NoticeLead
from services.leads.prospects.decider import PROSPECT, REACTIVATION
from services.leads.prospects.decider.knowing import SCOPE, stream_of, waiting
from services.leads.prospects.decider.returning import STREAM as RULES
from services.leads.prospects.events import ProspectDue
from services.leads.prospects.states import Person
from shared.deciding.policies import Reaction, Target, to_all
from shared.errors import Conflict
from shared.ids import event_id
from shared.projection import Event

CHANNEL = "prospect"
"""The channel of a lead that a prospect was promoted into."""

WITHDRAWN = "consent.withdrawn"
ABOUT_SALES = frozenset({"sales", "marketing", "all"})
"""Purposes of which a withdrawal bars a prospect; one that names none bars too."""


def _interaction(event: Event) -> Sequence[Reaction] | None:
    """Whoever withdraws consent to be sold to is barred, a prospect or not yet."""
    if event.envelope.type != WITHDRAWN:
        return None
    body = event.body
    assert isinstance(body, Interaction)
    told = msgspec.json.decode(event.envelope.data)
    purpose = told.get("purpose")
    purpose = purpose.strip().lower() if isinstance(purpose, str) else ""
    subjects = _whose(body, told)
    if not subjects or (purpose and purpose not in ABOUT_SALES):
        return []
    command = BarProspect(
        subject=subjects[0],
        reason=f"consent withdrawn: {purpose or 'for everything'}"[:SHORT],
        by="consent",
        identifiers=body.identifiers[:20],
        at=event.envelope.happened,
    )
    return [
        _to_prospect(subjects, lambda _: command),
        to_all(PROSPECT, SCOPE, subjects, lambda _: command),  # they may be several
    ]


def _whose(body: Interaction, told: Mapping[str, Any]) -> tuple[str, ...]:
    """The subjects of who withdrew it, and that of the address."""
    found = subjects_of(body)
    address = told.get("address_identifier")
    subject = address.get("subject") if isinstance(address, Mapping) else None
    if not isinstance(subject, str) or not _is_uuid(subject):
        return found
    return tuple(dict.fromkeys((*found, subject)))


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def _captured(event: Event) -> Sequence[Reaction]:
    """A prospect whose customer has a lead is worked on as that."""
    body = event.body
    assert isinstance(body, LeadCaptured)
    command = NoticeLead(lead=_stream(event), pipeline=body.pipeline, at=body.at)
    return [_to_prospect((body.subject,), lambda _: command)]


def _inquired(event: Event) -> Sequence[Reaction] | None:
    """A prospect that was promoted into a lead that was open already."""
    body, lead = event.body, _stream(event)
    assert isinstance(body, LeadInquired)
    if body.channel != CHANNEL:
        return None

    def command(states: Mapping[str, Any]) -> NoticeLead:
        return NoticeLead(lead=lead, pipeline=states[lead].lead.pipeline, at=body.at)

    return [_to_prospect((body.subject,), command, Target(LEAD, lead))]


def _lost(event: Event) -> Sequence[Reaction]:
    """Who was lost may return, by the rules that stand when it is decided."""
    body, lead = event.body, _stream(event)
    assert isinstance(body, LeadLost)

    def command(states: Mapping[str, Any]) -> BringBack:
        return BringBack(id=lead, lead=states[lead], rules=states[RULES], at=body.at)

    needs = (Target(LEAD, lead), Target(REACTIVATION, RULES))
    return [_to_prospect((event.envelope.partitionkey,), command, *needs)]


def _due(event: Event) -> Sequence[Reaction] | None:
    """Where a rule says so, a lead begins when the date comes; not for one barred since."""
    body, prospect = event.body, _stream(event)
    assert isinstance(body, ProspectDue)
    if body.into is None:
        return None
    into, cause = body.into, event.envelope.event

    def command(states: Mapping[str, Any]) -> CaptureLead:
        person = waiting(states[prospect])
        if not person.due:
            raise Conflict("This prospect was put off meanwhile.", code="not_due")
        return capture(person, states[pipeline_of(into)], body.at, interaction=cause)

    return [
        Reaction(
            decider=LEAD,
            stream=event_id("reactivate", f"{prospect}/{cause}"),
            partitionkey=event.envelope.partitionkey,
            command=command,
            scope=scope(into),
            subjects=(event.envelope.partitionkey,),
            needs=(Target(PIPELINE, pipeline_of(into)), Target(PROSPECT, prospect)),
        )
    ]


def capture(
    person: Person,
    pipeline: Any,
    at: str,
    *,
    title: str | None = None,
    owner: str | None = None,
    interaction: str | None = None,
) -> CaptureLead:
    """What the lead has of a prospect."""
    title = title or person.name or person.organisation or "Prospect"
    return CaptureLead(
        pipeline=pipeline,
        subject=person.subject,
        source=person.source or "prospect",
        channel=CHANNEL,
        title=title[:SHORT],
        identifiers=person.identifiers,
        owner=owner,
        fields=person.fields,
        interaction=interaction,
        at=at,
    )


def _to_prospect(
    subjects: tuple[str, ...], command: Callable[[Mapping[str, Any]], Any], *needs: Target
) -> Reaction:
    """To the prospect that the customer is; else to the one it would begin as."""
    return Reaction(
        decider=PROSPECT,
        stream=stream_of(subjects[0]),
        partitionkey=subjects[0],
        command=command,
        scope=SCOPE,
        subjects=subjects,
        needs=needs,
    )


def _stream(event: Event) -> str:
    assert event.envelope.stream is not None
    return event.envelope.stream


REACT: Mapping[type, Callable[[Event], Sequence[Reaction] | None]] = {
    Interaction: _interaction,
    LeadCaptured: _captured,
    LeadInquired: _inquired,
    LeadLost: _lost,
    ProspectDue: _due,
}
