"""One event of every type of following up, with everything in it."""

from typing import Any

from msgspec import Struct

from services.leads.follow_ups.decider import CALENDARS, FOLLOW_UP, PLAYBOOK
from services.leads.follow_ups.decider.calendars import stream_of as calendars_of
from services.leads.follow_ups.decider.follow_up import stream_of
from services.leads.follow_ups.decider.playbook import STREAM
from services.leads.follow_ups.events import (
    AppointmentCancelled,
    AppointmentKept,
    AppointmentMade,
    AppointmentMoved,
    CalendarOpened,
    CalendarRevoked,
    FollowUpEnded,
    FollowUpEvent,
    FollowUpHandedOver,
    FollowUpStarted,
    Planned,
    PlaybookEvent,
    Sequence,
    SequenceDefined,
    SequenceRetired,
    Start,
    Step,
    StepBecameOverdue,
    StepDone,
    StepFellDue,
    StepPostponed,
    StepSkipped,
    Tactic,
    TacticDefined,
    TacticRetired,
    TacticUsed,
)
from shared.decider import Decider
from tests.leads.examples import JANE, OTHER
from tests.records import at

_LEAD, _MEETING, _FEED = (
    "0191d5a0-0000-7000-8000-000000000001",
    "0191d5a0-0000-7000-8000-000000000004",
    "0191d5a0-0000-7000-8000-000000000005",
)
_PLANNED = Planned(
    *(1, "call", "Call them", "call", at(0), at(3600), at(7200)), ("call.placed",), "Ask why."
)
_WHOLE = (_LEAD, "sales", JANE)
_OF_FOLLOW_UPS: list[FollowUpEvent] = [
    FollowUpStarted(*_WHOLE, "first", 2, "stage new", (_PLANNED,), "7", "new", at=at(0)),
    FollowUpEnded("the lead was won", (1, 2), at=at(5)),
    FollowUpHandedOver("8", "7", at=at(5)),
    StepFellDue(1, at(3600), at(7200), "7", at=at(3601)),
    StepBecameOverdue(1, at(7200), "7", at=at(7201)),
    StepDone(1, "e-12", OTHER, "call.placed", "They will call back.", at=at(5)),
    StepSkipped(1, "They asked us not to.", at=at(5)),
    StepPostponed(1, at(9000), at(9900), at(3600), "On holiday.", at=at(5)),
    AppointmentMade(
        *(_MEETING, *_WHOLE, "Show the kettles", at(900), at(1800), "1 Tea Lane", "7"), at=at(5)
    ),
    AppointmentMoved(
        *(_MEETING, "Show the kettles", at(1900), at(2800), "By video", "Rain"), at=at(6)
    ),
    AppointmentCancelled(_MEETING, "They are ill.", at=at(7)),
    AppointmentKept(_MEETING, "They liked it.", at=at(3000)),
    TacticUsed("samples", 1, *_WHOLE, "offer", "too dear", "Sent two.", "7", at=at(5)),
]
_STEP = Step("call", "Call them", "call", 1, 2, 48, ("call.placed",), "Ask why.")
_START = Start("sales", "new", "/web/")
_OF_PLAYBOOKS: list[PlaybookEvent] = [
    SequenceDefined("first", 2, Sequence("First", (_STEP,), (_START,), "stage"), at=at(1)),
    SequenceRetired("first", "Replaced.", at=at(2)),
    TacticDefined(
        *("samples", 1, Tactic("Samples", "Send some.", ("sales",), ("offer",), ("too dear",))),
        at=at(1),
    ),
    TacticRetired("samples", "None left.", at=at(2)),
]
_OF_CALENDARS = [
    CalendarOpened(_FEED, "representative:7", "Phone", "ab" * 32, at=at(1)),
    CalendarRevoked(_FEED, "representative:7", at=at(2)),
]


def _named(decider: Decider[Any, Any, Any], stream: str, key: str, events: list[Any]) -> Any:
    return {decider.name_of(event): (stream, key, event) for event in events}


EVENTS: dict[str, tuple[str, str, Struct]] = {
    **_named(FOLLOW_UP, stream_of(_LEAD), JANE, _OF_FOLLOW_UPS),
    **_named(PLAYBOOK, STREAM, STREAM, [*_OF_PLAYBOOKS]),
    **_named(CALENDARS, *(2 * (calendars_of("representative:7"),)), events=[*_OF_CALENDARS]),
}
"""By type: the stream, the partition key, the event."""
