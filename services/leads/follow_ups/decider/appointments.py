"""Appointments with the customer of a lead."""

from collections.abc import Sequence

from msgspec.structs import replace

from services.leads.bounds import LONG
from services.leads.decider.checks import Wrong, refuse, text
from services.leads.decider.knowing import open_lead
from services.leads.follow_ups.commands import (
    CancelAppointment,
    KeepAppointment,
    MakeAppointment,
    MoveAppointment,
)
from services.leads.follow_ups.events import (
    AppointmentCancelled,
    AppointmentKept,
    AppointmentMade,
    AppointmentMoved,
    FollowUpEvent,
)
from services.leads.follow_ups.moments import hours_between, is_moment, shifted
from services.leads.follow_ups.states import Booked, Followed, FollowUp, Unplanned
from shared.errors import Conflict, FieldError, NotFound

MOST_BOOKED = 100
"""Appointments of a lead that were neither kept nor cancelled."""

LONGEST = 14 * 24
"""Hours of an appointment."""

FURTHEST = 5 * 366 * 24
"""Hours ahead, or back, that an appointment may be made."""


def make(state: FollowUp, command: MakeAppointment) -> Sequence[FollowUpEvent]:
    """With the customer of an open lead, also one that is over already, to be written down."""
    lead = open_lead(command.known)
    booked = () if isinstance(state, Unplanned) else state.booked
    if command.appointment in {each.appointment for each in booked}:
        return []
    refuse(_wrong(command.title, command.since, command.until, command.place, command.at))
    if len(booked) >= MOST_BOOKED:
        detail = f"This lead has {MOST_BOOKED} appointments; keep or cancel some first."
        raise Conflict(detail, code="too_many")
    return [
        AppointmentMade(
            *(command.appointment, command.lead, lead.pipeline, lead.subject, command.title),
            *(command.since, command.until, command.place, lead.owner),
            at=command.at,
        )
    ]


def move(state: FollowUp, command: MoveAppointment) -> Sequence[FollowUpEvent]:
    """What is not given stays; without an end of its own it is as long as it was."""
    there = _booked(state, command.appointment)
    since = command.since or there.since
    until = command.until or _moved_end(there, since)
    title = there.title if command.title is None else command.title
    place = there.place if command.place is None else command.place
    refuse(
        [*_wrong(title, since, until, place, command.at), *text(command.reason or None, "/reason")]
    )
    if (title, since, until, place) == (there.title, there.since, there.until, there.place):
        return []
    return [
        AppointmentMoved(
            *(there.appointment, title, since, until, place, command.reason), at=command.at
        )
    ]


def cancel(state: FollowUp, command: CancelAppointment) -> Sequence[FollowUpEvent]:
    refuse(text(command.reason, "/reason"))
    there = _booked(state, command.appointment)
    return [AppointmentCancelled(there.appointment, command.reason, at=command.at)]


def keep(state: FollowUp, command: KeepAppointment) -> Sequence[FollowUpEvent]:
    """Once it has begun."""
    refuse(text(command.note or None, "/note", LONG))
    there = _booked(state, command.appointment)
    if there.since > command.at:
        raise Conflict(f"This appointment begins at {there.since}.", code="not_begun")
    return [AppointmentKept(there.appointment, command.note, at=command.at)]


def made(there: Followed, event: AppointmentMade) -> Followed:
    fresh = Booked(event.appointment, event.title, event.since, event.until, event.place)
    return replace(there, booked=_in_order((*there.booked, fresh)))


def moved(there: Followed, event: AppointmentMoved) -> Followed:
    fresh = Booked(event.appointment, event.title, event.since, event.until, event.place)
    others = tuple(each for each in there.booked if each.appointment != event.appointment)
    return replace(there, booked=_in_order((*others, fresh)))


def over(there: Followed, event: AppointmentCancelled | AppointmentKept) -> Followed:
    others = tuple(each for each in there.booked if each.appointment != event.appointment)
    return replace(there, booked=others)


def _in_order(booked: tuple[Booked, ...]) -> tuple[Booked, ...]:
    return tuple(sorted(booked, key=lambda each: (each.since, each.appointment)))


def _booked(state: FollowUp, appointment: str) -> Booked:
    """Raises NotFound: one that was kept or cancelled is none any more."""
    there = () if isinstance(state, Unplanned) else state.booked
    found = next((each for each in there if each.appointment == appointment), None)
    if found is None:
        detail = "This lead has no such appointment, or it was kept or cancelled."
        raise NotFound(detail, code="unknown_appointment")
    return found


def _moved_end(there: Booked, since: str) -> str:
    """An appointment that is moved stays as long as it was."""
    if not is_moment(since):
        return there.until
    return shifted(there.until, there.since, since)


def _wrong(title: str, since: str, until: str, place: str, at: str) -> Wrong:
    yield from text(title, "/title")
    yield from text(place or None, "/place")
    right = True
    for pointer, moment in (("/from", since), ("/to", until)):
        if not is_moment(moment):
            right = False
            detail = "A moment such as 2026-01-31T12:00:00.000000Z."
            yield FieldError(pointer, "moment", detail)
    if right and until <= since:
        yield FieldError("/to", "not_after", "An appointment ends after it has begun.")
    elif right and hours_between(since, until) > LONGEST:
        yield FieldError("/to", "too_long", f"An appointment is at most {LONGEST // 24} days long.")
    if right and abs(hours_between(at, since)) > FURTHEST:
        yield FieldError("/from", "too_far", "An appointment is within five years of today.")
