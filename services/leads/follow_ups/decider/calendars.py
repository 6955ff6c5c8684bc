"""Who may read somebody's calendar: whoever has a token that was not revoked."""

from collections.abc import Sequence
from typing import assert_never

from msgspec.structs import replace

from services.leads.decider.checks import refuse, text
from services.leads.follow_ups.commands import CalendarCommand, OpenCalendar, RevokeCalendar
from services.leads.follow_ups.events import CalendarEvent, CalendarOpened, CalendarRevoked
from services.leads.follow_ups.states import Calendar, Calendars
from shared.decider import Claim
from shared.errors import Conflict
from shared.ids import event_id

MOST_OPEN = 20
"""Open feeds of somebody."""

SCOPE = "calendar"
"""The scope of the claims by which the feed of a token is found."""


def stream_of(owner: str) -> str:
    """The stream of somebody's feeds."""
    return event_id("calendars", owner)


def place_of(digest: str) -> str:
    """What stands for a token among claims."""
    return event_id("calendar-token", digest)


def decide(state: Calendars, command: CalendarCommand) -> Sequence[CalendarEvent]:
    match command:
        case OpenCalendar():
            refuse([*text(command.title, "/title"), *text(command.owner, "/representative")])
            if len(state.open) >= MOST_OPEN:
                detail = f"There are {MOST_OPEN} already: revoke one first."
                raise Conflict(detail, code="too_many")
            return [
                CalendarOpened(
                    *(command.calendar, command.owner, command.title, command.digest),
                    at=command.at,
                )
            ]
        case RevokeCalendar():
            if command.calendar not in {each.calendar for each in state.open}:
                return []
            return [CalendarRevoked(command.calendar, command.owner, at=command.at)]
        case _:
            assert_never(command)


def evolve(state: Calendars, event: CalendarEvent) -> Calendars:
    match event:
        case CalendarOpened():
            fresh = Calendar(event.calendar, event.title, event.digest, event.at)
            return replace(state, owner=event.owner, open=(*state.open, fresh))
        case CalendarRevoked(calendar=calendar):
            left = tuple(each for each in state.open if each.calendar != calendar)
            return replace(state, open=left)
        case _:
            assert_never(event)


def claims(state: Calendars) -> frozenset[Claim]:
    return frozenset(Claim(SCOPE, place_of(each.digest)) for each in state.open)
