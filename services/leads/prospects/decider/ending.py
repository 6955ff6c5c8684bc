"""How prospects become leads, or are not to be contacted, or are nobody's business any more."""

from collections.abc import Sequence

from services.leads.bounds import SHORT
from services.leads.decider.checks import refuse, text
from services.leads.prospects.commands import (
    BarProspect,
    DropProspect,
    NoticeLead,
    PromoteProspect,
    ReleaseProspect,
)
from services.leads.prospects.decider.knowing import person_of, waiting
from services.leads.prospects.events import (
    ProspectBarred,
    ProspectDropped,
    ProspectEvent,
    ProspectPromoted,
    ProspectReleased,
    ProspectUnlisted,
)
from services.leads.prospects.states import Barred, Dropped, Promoted, Prospect, Waiting
from shared.errors import Conflict


def promote(state: Prospect, command: PromoteProspect) -> Sequence[ProspectEvent]:
    """One that waits: not one that is barred. Into the same lead again is no news."""
    if isinstance(state, Promoted) and state.lead == command.lead:
        return []
    waiting(state)
    return [ProspectPromoted(command.lead, command.pipeline, at=command.at)]


def notice(state: Prospect, command: NoticeLead) -> Sequence[ProspectEvent]:
    """Who waits is a lead now; who is barred, or no prospect, stays what it is."""
    if not isinstance(state, Waiting):
        return []
    return [ProspectPromoted(command.lead, command.pipeline, at=command.at)]


def bar(state: Prospect, command: BarProspect) -> Sequence[ProspectEvent]:
    """Anybody at any time; for the first reason that there was."""
    refuse([*text(command.reason, "/reason", SHORT), *text(command.subject, "/subject", 64)])
    if isinstance(state, Barred):
        return []
    return [
        ProspectBarred(
            command.subject, command.reason, command.by, command.identifiers, at=command.at
        )
    ]


def release(state: Prospect, command: ReleaseProspect) -> Sequence[ProspectEvent]:
    """It waits again; where the date to come back is over, it is due at once."""
    refuse(text(command.reason, "/reason", SHORT))
    there = person_of(state)
    if not isinstance(there, Barred):
        raise Conflict("This prospect is not barred.", code="not_barred")
    planned = there.person.come_back
    come_back = max(planned, command.at) if planned is not None else None
    return [ProspectReleased(command.reason, come_back, at=command.at)]


def drop(state: Prospect, command: DropProspect) -> Sequence[ProspectEvent]:
    """Off every list. One that is barred stays, so that it is known whenever it comes again."""
    refuse(text(command.reason, "/reason", SHORT))
    there = person_of(state)
    if isinstance(there, Dropped):
        return []
    if isinstance(there, Barred):
        detail = "This prospect is barred: dropped, nobody would know. Release it first."
        raise Conflict(detail, code="barred")
    off = [ProspectUnlisted(name, at=command.at) for name in there.person.lists]
    return [*off, ProspectDropped(command.reason, at=command.at)]
