"""What is decided of following up: the steps of a lead, the playbook, calendars."""

from services.leads.follow_ups.commands import CalendarCommand, FollowUpCommand, PlaybookCommand
from services.leads.follow_ups.decider import calendars, follow_up, playbook
from services.leads.follow_ups.events import (
    CALENDAR_EVENTS,
    FOLLOW_UP_EVENTS,
    PLAYBOOK_EVENTS,
    CalendarEvent,
    FollowUpEvent,
    PlaybookEvent,
)
from services.leads.follow_ups.states import Calendars, FollowUp, Playbook, Unplanned
from shared.decider import Decider

FOLLOW_UP: Decider[FollowUp, FollowUpCommand, FollowUpEvent] = Decider(
    category="follow-up",
    initial=Unplanned(),
    decide=follow_up.decide,
    evolve=follow_up.evolve,
    events=FOLLOW_UP_EVENTS,
    states=FollowUp,
    claims=follow_up.claims,
)

PLAYBOOK: Decider[Playbook, PlaybookCommand, PlaybookEvent] = Decider(
    category="playbook",
    initial=Playbook(),
    decide=playbook.decide,
    evolve=playbook.evolve,
    events=PLAYBOOK_EVENTS,
    states=Playbook,
)

CALENDARS: Decider[Calendars, CalendarCommand, CalendarEvent] = Decider(
    category="calendars",
    initial=Calendars(),
    decide=calendars.decide,
    evolve=calendars.evolve,
    events=CALENDAR_EVENTS,
    states=Calendars,
    claims=calendars.claims,
)
