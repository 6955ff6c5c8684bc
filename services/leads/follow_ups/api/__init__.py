"""The HTTP API of following up."""

from services.leads.follow_ups.api import (
    appointments,
    calendars,
    day,
    lists,
    sequences,
    steps,
    tactics,
)

ROUTERS = (
    *(steps.router, appointments.router, lists.router, sequences.router, tactics.router),
    *(day.router, calendars.router),
)
