"""Two leads that are one: one goes into the other, and can be taken out again."""

from collections.abc import Sequence

from services.leads.commands import AbsorbLead, MergeLead, ReleaseLead, UnmergeLead
from services.leads.decider.checks import conflict, refusal, refuse, text
from services.leads.decider.knowing import known, open_lead
from services.leads.events import (
    LeadAbsorbed,
    LeadEvent,
    LeadMerged,
    LeadReleased,
    LeadUnmerged,
)
from services.leads.states import Lead, Merged, Open
from shared.errors import Conflict


def merge(state: Lead, command: MergeLead) -> Sequence[LeadEvent]:
    """Two open leads of one pipeline: no chain of merges ever leads back."""
    if isinstance(state, Merged) and state.into == command.into:
        return []
    lead = open_lead(state)
    refuse(text(command.reason or None, "/reason"))
    if command.into == command.lead:
        raise refusal("/into", "itself", "A lead cannot go into itself.")
    if not isinstance(command.target, Open):
        raise conflict("/into", "target_closed", "A lead goes into an open one; that one is not.")
    if command.target.lead.pipeline != lead.pipeline:
        detail = f"That lead is in {command.target.lead.pipeline!r}, this one in {lead.pipeline!r}."
        raise conflict("/into", "other_pipeline", detail)
    return [LeadMerged(command.into, command.reason, at=command.at)]


def absorb(state: Lead, command: AbsorbLead) -> Sequence[LeadEvent]:
    lead = open_lead(state)
    if command.lead in lead.absorbed:
        return []
    return [LeadAbsorbed(command.lead, at=command.at)]


def unmerge(state: Lead, command: UnmergeLead) -> Sequence[LeadEvent]:
    """The lead is open again, as it was."""
    there = known(state)
    refuse(text(command.reason or None, "/reason"))
    if not isinstance(there, Merged):
        raise Conflict("This lead did not go into another one.", code="not_merged")
    return [LeadUnmerged(there.into, command.reason, at=command.at)]


def release(state: Lead, command: ReleaseLead) -> Sequence[LeadEvent]:
    """Also where this lead is closed by now."""
    if command.lead not in known(state).lead.absorbed:
        return []
    return [LeadReleased(command.lead, at=command.at)]
