"""What there is to do for a lead: a table of its rules, and what it is after each event."""

from collections.abc import Sequence
from typing import assert_never

from msgspec.structs import replace

from services.leads.follow_ups.commands import (
    CancelAppointment,
    EndFollowUps,
    FinishStep,
    FollowUpCommand,
    HandOver,
    Interact,
    KeepAppointment,
    MakeAppointment,
    MoveAppointment,
    PostponeStep,
    ReachStage,
    Remind,
    SkipStep,
    StartSequence,
    UseTactic,
)
from services.leads.follow_ups.decider import appointments, starting, steps, tactics
from services.leads.follow_ups.events import (
    AppointmentCancelled,
    AppointmentKept,
    AppointmentMade,
    AppointmentMoved,
    FollowUpEnded,
    FollowUpEvent,
    FollowUpHandedOver,
    FollowUpStarted,
    StepBecameOverdue,
    StepDone,
    StepFellDue,
    StepPostponed,
    StepSkipped,
    TacticUsed,
)
from services.leads.follow_ups.states import Followed, FollowUp, Unplanned
from shared.decider import Claim
from shared.ids import event_id

PREFIX = "follow-ups/"
"""What the scopes of those claims begin with that say for whom something is to be done."""


def stream_of(lead: str) -> str:
    """The stream of what there is to do for a lead."""
    return event_id("follow-ups", lead)


def decide(  # noqa: C901  (a table)
    state: FollowUp, command: FollowUpCommand
) -> Sequence[FollowUpEvent]:
    match command:
        case ReachStage():
            return starting.reach_stage(state, command)
        case StartSequence():
            return starting.start(state, command)
        case EndFollowUps():
            return starting.end(state, command)
        case HandOver():
            return starting.hand_over(state, command)
        case Remind():
            return steps.remind(state, command)
        case Interact():
            return steps.interact(state, command)
        case FinishStep():
            return steps.finish(state, command)
        case SkipStep():
            return steps.skip(state, command)
        case PostponeStep():
            return steps.postpone(state, command)
        case MakeAppointment():
            return appointments.make(state, command)
        case MoveAppointment():
            return appointments.move(state, command)
        case CancelAppointment():
            return appointments.cancel(state, command)
        case KeepAppointment():
            return appointments.keep(state, command)
        case UseTactic():
            return tactics.use(state, command)
        case _:
            assert_never(command)


def evolve(state: FollowUp, event: FollowUpEvent) -> FollowUp:  # noqa: C901  (a table)
    match event:
        case FollowUpStarted():
            return starting.started(_begun(state, event), event)
        case AppointmentMade():
            return appointments.made(_begun(state, event), event)
        case TacticUsed():
            return _begun(state, event)
        case _:
            pass  # none of these is the first
    there = followed(state)
    match event:
        case FollowUpEnded():
            return steps.ended(there, event)
        case FollowUpHandedOver(owner=owner):
            return replace(there, owner=owner)
        case StepFellDue(step=step):
            return steps.changed(there, step, state="due")
        case StepBecameOverdue(step=step):
            return steps.changed(there, step, state="overdue")
        case StepDone():
            return steps.done(there, event)
        case StepSkipped():
            return steps.skipped(there, event)
        case StepPostponed():
            return steps.postponed(there, event)
        case AppointmentMoved():
            return appointments.moved(there, event)
        case AppointmentCancelled() | AppointmentKept():
            return appointments.over(there, event)
        case _:
            assert_never(event)


def _begun(state: FollowUp, event: FollowUpStarted | AppointmentMade | TacticUsed) -> Followed:
    """Each of these may be the first; the lead's owner is the one of then."""
    if isinstance(state, Followed):
        return replace(state, owner=event.owner)
    return Followed(event.lead, event.pipeline, event.subject, event.owner)


def followed(state: FollowUp) -> Followed:
    assert not isinstance(state, Unplanned)
    return state


def claims(state: FollowUp) -> frozenset[Claim]:
    """While something is to be done, interactions find it by the customer.

    The lead is a part of the scope, so that it never stands in another one's way.
    """
    if isinstance(state, Unplanned) or not state.pending:
        return frozenset()
    return frozenset({Claim(f"{PREFIX}{state.pipeline}/{state.lead}", state.subject)})
