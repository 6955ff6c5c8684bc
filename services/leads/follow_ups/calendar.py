"""What somebody has to do as iCalendar (RFC 5545). Pure: the same rows are the same bytes.

Steps are events like appointments, not to-dos: the calendars of Google, Microsoft and Apple show no
VTODO of a feed that is subscribed to. They take no time of the day (TRANSP), and say in CATEGORIES
what they are.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from icalendar import Calendar, Event, vText

PRODUCT = "-//Rapport//follow-ups//EN"
LENGTH = timedelta(minutes=15)
"""How long a step is shown."""


class Entry(NamedTuple):
    """An appointment or a step; `changed` is the time of its latest event, `times` how often it was
    moved, and `about` the title of its lead."""

    id: str
    kind: str
    title: str
    since: datetime
    until: datetime | None
    place: str
    text: str
    about: str
    made: datetime | None
    changed: datetime
    times: int


def feed(title: str, entries: Iterable[Entry]) -> bytes:
    """The calendar; its size follows from the number of entries, each of which is bounded."""
    calendar = Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", PRODUCT)
    calendar.add("x-wr-calname", vText(_clean(title)))  # no text by itself, as no x-name is
    calendar.add("refresh-interval", timedelta(minutes=15), parameters={"value": "DURATION"})
    for entry in entries:
        calendar.add_component(_event(entry))
    found: bytes = calendar.to_ical()
    return found


def _event(entry: Entry) -> Event:
    event = Event()
    event.add("uid", f"{entry.id}@rapport")
    event.add("dtstamp", entry.changed)
    if entry.made:
        event.add("created", entry.made)
    event.add("last-modified", entry.changed)
    event.add("sequence", entry.times)
    event.add("dtstart", entry.since)
    event.add("dtend", entry.until or entry.since + LENGTH)
    event.add("summary", _clean(entry.title))
    said = "\n\n".join(each for each in (entry.about, entry.text) if each)
    if said:
        event.add("description", _clean(said))
    if entry.place:
        event.add("location", _clean(entry.place))
    event.add("categories", [entry.kind])
    event.add("transp", "OPAQUE" if entry.until else "TRANSPARENT")
    return event


def _clean(text: str) -> str:
    """With line feeds for all that breaks a line, and no other control characters but tabs.

    What reads a calendar line by line would else take what follows for a line of its own.
    """
    lines = "\n".join(text.splitlines())
    return "".join(each for each in lines if each in "\n\t" or not _is_control(each))


def _is_control(character: str) -> bool:
    return character < " " or "\x7f" <= character <= "\x9f"
