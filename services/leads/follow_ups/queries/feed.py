"""What the feed of a calendar has: appointments, and the steps that are to be done."""

from datetime import datetime

from services.leads.follow_ups.calendar import Entry
from shared.database import Connection, in_schema

MOST = 1_000
"""Appointments, and steps, of a feed: the next ones."""


async def entries(
    connection: Connection, schema: str, owner: str, since: datetime, until: datetime
) -> list[Entry]:
    """Appointments between two moments and steps due before the later one, in a fixed order."""
    args = owner, since, until, MOST
    met = await connection.fetch(in_schema(_APPOINTMENTS, schema), *args)
    steps = await connection.fetch(in_schema(_STEPS, schema), owner, until, MOST)
    return [Entry(*row) for row in (*met, *steps)]


_APPOINTMENTS = """
SELECT a.appointment::text, 'APPOINTMENT', a.title, a.since, a.until, a.place, '', l.title,
       a.made, a.touched, a.moved
FROM {s}.leads l JOIN {s}.appointments a ON a.lead = l.lead
WHERE l.owner = $1 AND a.state IN ('booked', 'kept') AND a.until > $2 AND a.since < $3
ORDER BY a.since, a.appointment LIMIT $4
"""

_STEPS = """
SELECT 'step-' || s.step || '-' || s.follow_up, upper(s.kind), s.title, s.due, NULL::timestamptz,
       '', s.guide, l.title, NULL, s.touched, s.postponed
FROM {s}.leads l JOIN {s}.steps s ON s.lead = l.lead
WHERE l.owner = $1 AND s.state IN ('pending', 'due', 'overdue') AND s.due < $2
ORDER BY s.due, s.follow_up, s.step LIMIT $3
"""
