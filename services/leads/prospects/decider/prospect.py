"""A prospect: a table of its rules, and what it is after each event."""

from collections.abc import Sequence
from typing import assert_never

from msgspec import UNSET
from msgspec.structs import replace

from services.leads.prospects.commands import (
    BarProspect,
    BringBack,
    CallUp,
    DescribeProspect,
    DropProspect,
    KeepProspect,
    NoticeLead,
    PromoteProspect,
    ProspectCommand,
    PutOffProspect,
    ReleaseProspect,
    UnlistProspect,
)
from services.leads.prospects.decider.ending import bar, drop, notice, promote, release
from services.leads.prospects.decider.keeping import describe, keep, kept, unlist
from services.leads.prospects.decider.knowing import SCOPE, person_of
from services.leads.prospects.decider.returning import bring_back, call_up, put_off
from services.leads.prospects.events import (
    ProspectBarred,
    ProspectDescribed,
    ProspectDropped,
    ProspectDue,
    ProspectEvent,
    ProspectKept,
    ProspectListed,
    ProspectPromoted,
    ProspectPutOff,
    ProspectReleased,
    ProspectUnlisted,
)
from services.leads.prospects.states import (
    Absent,
    Barred,
    Dropped,
    Person,
    Promoted,
    Prospect,
    Waiting,
)
from shared.decider import Claim


def decide(  # noqa: C901  (a table)
    state: Prospect, command: ProspectCommand
) -> Sequence[ProspectEvent]:
    match command:
        case KeepProspect():
            return keep(state, command)
        case DescribeProspect():
            return describe(state, command)
        case PutOffProspect():
            return put_off(state, command)
        case CallUp():
            return call_up(state, command)
        case BarProspect():
            return bar(state, command)
        case ReleaseProspect():
            return release(state, command)
        case PromoteProspect():
            return promote(state, command)
        case NoticeLead():
            return notice(state, command)
        case DropProspect():
            return drop(state, command)
        case UnlistProspect():
            return unlist(state, command)
        case BringBack():
            return bring_back(state, command)
        case _:
            assert_never(command)


def evolve(state: Prospect, event: ProspectEvent) -> Prospect:  # noqa: C901  (a table)
    if isinstance(event, ProspectKept):
        return Waiting(kept(state, event))
    if isinstance(event, ProspectBarred):
        person = _nobody_yet(event) if isinstance(state, Absent) else state.person
        return Barred(replace(person, due=False), event.reason, event.by)
    there = person_of(state)
    person = there.person
    match event:
        case ProspectDescribed():
            return replace(there, person=_described(person, event))
        case ProspectPutOff(come_back=come_back, into=into):
            later = replace(person, come_back=come_back, into=into, due=False)
            return replace(there, person=later)
        case ProspectDue():
            return replace(there, person=replace(person, due=True))
        case ProspectReleased(come_back=come_back):
            return Waiting(replace(person, come_back=come_back))
        case ProspectPromoted(lead=lead):
            done = replace(person, lead=lead, come_back=None, into=None, due=False)
            return Promoted(done, lead)
        case ProspectDropped(reason=reason):
            return Dropped(replace(person, come_back=None, into=None, due=False), reason)
        case ProspectListed(list=name):
            return replace(there, person=replace(person, lists=(*person.lists, name)))
        case ProspectUnlisted(list=name):
            left = tuple(each for each in person.lists if each != name)
            return replace(there, person=replace(person, lists=left))
        case _:
            assert_never(event)


def _nobody_yet(event: ProspectBarred) -> Person:
    return Person(event.subject, "", "", event.at, event.identifiers)


def _described(person: Person, event: ProspectDescribed) -> Person:
    names = ("name", "organisation", "identifiers")
    changed = {name: value for name in names if (value := getattr(event, name)) is not UNSET}
    fields = {**person.fields, **event.fields}
    return replace(
        person,
        **changed,
        fields={name: value for name, value in fields.items() if value is not None},
    )


def claims(state: Prospect) -> frozenset[Claim]:
    """A customer is one prospect, until it is dropped: also while it is barred, or has a lead."""
    if isinstance(state, Absent | Dropped):
        return frozenset()
    return frozenset({Claim(SCOPE, state.person.subject)})
