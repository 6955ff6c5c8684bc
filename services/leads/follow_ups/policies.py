"""What follows of its own accord: stages start sequences, interactions complete steps."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from services.leads.decider import LEAD
from services.leads.events import (
    LeadAssigned,
    LeadCaptured,
    LeadLost,
    LeadMerged,
    LeadMoved,
    LeadReopened,
    LeadUnmerged,
    LeadWon,
)
from services.leads.follow_ups.commands import (
    EndFollowUps,
    FollowUpCommand,
    HandOver,
    Interact,
    ReachStage,
)
from services.leads.follow_ups.completing import completes
from services.leads.follow_ups.decider import FOLLOW_UP, PLAYBOOK
from services.leads.follow_ups.decider.follow_up import PREFIX, stream_of
from services.leads.follow_ups.decider.playbook import STREAM
from services.leads.inbound import Interaction
from services.leads.states import Lead, Unknown
from shared.deciding.policies import Reaction, Target, to_all
from shared.projection import Event

LONGEST_NAME = 200


class _Told(msgspec.Struct, frozen=True):
    """What else is read of an interaction, of whatever kind it is."""

    employee: Any = None
    campaign: Any = None


_Reaching = LeadCaptured | LeadMoved | LeadReopened | LeadUnmerged
_told = msgspec.json.Decoder(_Told)


def _reach(event: Event) -> Sequence[Reaction]:
    body = event.body
    assert isinstance(body, _Reaching)
    lead = _lead(event)
    needs = (Target(LEAD, lead), Target(PLAYBOOK, STREAM))
    stream, key = stream_of(lead), event.envelope.partitionkey
    return [Reaction(FOLLOW_UP, stream, key, partial(_reached, event, body), needs=needs)]


def _reached(event: Event, body: _Reaching, states: Mapping[str, Any]) -> ReachStage:
    """One that is a lead of its own again comes into the stage that it is in."""
    lead = _lead(event)
    known: Lead = states[lead]
    stage = "" if isinstance(known, Unknown) else known.lead.stage
    return ReachStage(
        lead=lead,
        known=known,
        playbook=states[STREAM],
        stage=stage if isinstance(body, LeadUnmerged) else body.stage,
        begins=isinstance(body, LeadCaptured),
        recorded=event.envelope.recordedtime,
        at=body.at,
    )


def _hand_over(event: Event) -> Sequence[Reaction]:
    assert isinstance(event.body, LeadAssigned)
    return [_to(event, HandOver(owner=event.body.owner, at=event.body.at))]


def _end(reason: str, event: Event) -> Sequence[Reaction]:
    assert isinstance(event.body, LeadWon | LeadLost | LeadMerged)
    return [_to(event, EndFollowUps(reason=reason, at=event.body.at))]


def _interact(event: Event) -> Sequence[Reaction] | None:
    body, envelope = event.body, event.envelope
    assert isinstance(body, Interaction)
    told = _told.decode(envelope.data)
    if not completes(envelope.type, body, campaign=told.campaign is not None):
        return None
    found = (each for each in body.identifiers if not each.claim)
    subjects = tuple(dict.fromkeys(each.subject for each in found if each.subject is not None))
    command = Interact(
        type=envelope.type,
        interaction=envelope.event,
        by=_name(told.employee),
        at=envelope.happened,
    )
    return [to_all(FOLLOW_UP, PREFIX, subjects, lambda _: command)] if subjects else None


def _name(value: object) -> str | None:
    """A name that can be kept; nothing else."""
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        return None
    return value.strip()[:LONGEST_NAME]


def _to(event: Event, command: FollowUpCommand) -> Reaction:
    stream, key = stream_of(_lead(event)), event.envelope.partitionkey
    return Reaction(FOLLOW_UP, stream, key, lambda _: command)


def _lead(event: Event) -> str:
    """The lead that one of our own events is about."""
    assert event.envelope.stream is not None
    return event.envelope.stream


REACT: Mapping[type, Callable[[Event], Sequence[Reaction] | None]] = {
    LeadCaptured: _reach,
    LeadMoved: _reach,
    LeadReopened: _reach,
    LeadUnmerged: _reach,
    LeadAssigned: _hand_over,
    LeadWon: partial(_end, "the lead was won"),
    LeadLost: partial(_end, "the lead was lost"),
    LeadMerged: partial(_end, "the lead went into another one"),
    Interaction: _interact,
}
