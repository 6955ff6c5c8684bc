"""How prospects are kept, and what is known of them."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import UNSET, UnsetType

from services.leads.bounds import MOST_FIELDS
from services.leads.decider.capturing import LONGEST_SOURCE
from services.leads.decider.checks import Wrong, name, own_fields, refuse, text, whole
from services.leads.events import Field
from services.leads.prospects.bounds import MOST_LISTS
from services.leads.prospects.commands import DescribeProspect, KeepProspect, UnlistProspect
from services.leads.prospects.decider.knowing import moment, person_of
from services.leads.prospects.events import (
    ProspectDescribed,
    ProspectEvent,
    ProspectKept,
    ProspectListed,
    ProspectPutOff,
    ProspectUnlisted,
)
from services.leads.prospects.states import Absent, Barred, Dropped, Person, Promoted, Prospect
from shared.errors import FieldError


def keep(state: Prospect, command: KeepProspect) -> Sequence[ProspectEvent]:
    """Begin one, or add what is lacking: keeping one again takes nothing back."""
    refuse(_wrong(command, () if isinstance(state, Absent) else state.person.lists))
    if isinstance(state, Absent | Promoted | Dropped):
        return [_begin(state, command), *_list(state, command)]
    found: list[ProspectEvent] = []
    if brought := _brought(state.person, command):
        found.append(ProspectDescribed(**brought, at=command.at))
    if command.come_back not in (None, state.person.come_back) and not isinstance(state, Barred):
        found.append(ProspectPutOff(command.come_back, at=command.at))
    return [*found, *_list(state, command)]


def _begin(state: Absent | Promoted | Dropped, command: KeepProspect) -> ProspectKept:
    """Who was kept before is still known as what it was, where nothing else is said."""
    before = None if isinstance(state, Absent) else state.person
    return ProspectKept(
        subject=before.subject if before else command.subject,
        name=command.name or (before.name if before else ""),
        source=command.source,
        identifiers=_together(before.identifiers if before else (), command.identifiers),
        organisation=command.organisation or (before.organisation if before else None),
        fields=_over(before.fields if before else {}, command.fields),
        come_back=command.come_back,
        at=command.at,
    )


def _over(fields: Mapping[str, Field], others: Mapping[str, Field]) -> dict[str, Field]:
    """Fields with the values of others, and of those that are lacking as many as there may be."""
    same = {name: others[name] for name in others.keys() & fields.keys()}
    return _first({**fields, **same}, others)


def _first(fields: Mapping[str, Field], others: Mapping[str, Field]) -> dict[str, Field]:
    """Fields, and of others those that are lacking, as many as there may be."""
    lacking = sorted({*others} - {*fields})[: max(0, MOST_FIELDS - len(fields))]
    return {**fields, **{name: others[name] for name in lacking}}


def _together(there: Sequence[Any], more: Sequence[Any]) -> tuple[Any, ...]:
    """Identifiers, each subject once, at most as many as a request may name."""
    known = {each.subject for each in there}
    return (*there, *(each for each in more if each.subject not in known))[:MOST_IDENTIFIERS]


MOST_IDENTIFIERS = 40
"""Identifiers that are remembered of a prospect."""


def _brought(person: Person, command: KeepProspect) -> dict[str, Any]:
    """What was not known yet."""
    found: dict[str, Any] = {}
    if not person.name and command.name:
        found["name"] = command.name
    if person.organisation is None and command.organisation is not None:
        found["organisation"] = command.organisation
    identifiers = _together(person.identifiers, command.identifiers)
    if identifiers != person.identifiers:
        found["identifiers"] = identifiers
    fields = _first(person.fields, command.fields)
    if fields != person.fields:
        found["fields"] = {name: fields[name] for name in fields.keys() - person.fields.keys()}
    return found


def _list(state: Prospect, command: KeepProspect) -> list[ProspectEvent]:
    there = () if isinstance(state, Absent) else state.person.lists
    if command.list is None or command.list in there:
        return []
    return [ProspectListed(command.list, at=command.at)]


def _wrong(command: KeepProspect, lists: Sequence[str]) -> Wrong:
    yield from text(command.subject, "/subject", 64)
    yield from text(command.name or None, "/name")
    yield from text(command.organisation, "/organisation")
    yield from text(command.source, "/source", LONGEST_SOURCE)
    yield from moment(command.come_back, "/come_back")
    yield from own_fields(command.fields)
    yield from whole(len(command.fields), "/fields", 0, MOST_FIELDS)
    if command.list is not None:
        yield from name(command.list, "/list")
        if command.list not in lists and len(lists) >= MOST_LISTS:
            detail = f"A prospect stands on at most {MOST_LISTS} lists."
            yield FieldError("/list", "too_many_lists", detail)


def describe(state: Prospect, command: DescribeProspect) -> Sequence[ProspectEvent]:
    """Only what differs is news; also of one that is barred, or has a lead."""
    person = person_of(state).person
    refuse(_wrong_description(person, command))
    scalars = {
        name: value
        for name in ("name", "organisation")
        if (value := getattr(command, name)) is not UNSET and value != getattr(person, name)
    }
    fields = {
        name: value for name, value in command.fields.items() if _is_news(person, name, value)
    }
    if not scalars and not fields:
        return []
    return [ProspectDescribed(**scalars, fields=fields, at=command.at)]


def _is_news(person: Person, name: str, value: Field | None) -> bool:
    known = person.fields.get(name)
    return (type(known), known) != (type(value), value)  # True is not 1


def _wrong_description(person: Person, command: DescribeProspect) -> Wrong:
    if command.name is None:
        yield FieldError("/name", "required", "A name is text, or left out.")
    elif not isinstance(command.name, UnsetType):
        yield from text(command.name, "/name")
    if not isinstance(command.organisation, UnsetType):
        yield from text(command.organisation, "/organisation")
    yield from own_fields(command.fields)
    yield from whole(len({*person.fields, *command.fields}), "/fields", 0, MOST_FIELDS)


def unlist(state: Prospect, command: UnlistProspect) -> Sequence[ProspectEvent]:
    """One that does not stand there is no news."""
    if command.list not in person_of(state).person.lists:
        return []
    return [ProspectUnlisted(command.list, at=command.at)]


def kept(state: Prospect, event: ProspectKept) -> Person:
    """What is known of a prospect that was just kept, perhaps again."""
    return Person(
        subject=event.subject,
        name=event.name,
        source=event.source,
        kept=event.at,
        identifiers=event.identifiers,
        organisation=event.organisation,
        fields=event.fields,
        lists=() if isinstance(state, Absent) else state.person.lists,
        come_back=event.come_back,
        into=event.into,
        lead=None if isinstance(state, Absent) else state.person.lead,
    )
