"""How leads end, and how they are taken up again."""

from collections.abc import Sequence
from typing import assert_never

from services.leads.commands import LoseLead, ReopenLead, WinLead
from services.leads.decider.checks import money, refusal, refuse, text
from services.leads.decider.knowing import known, open_lead, pipeline_of, same_pipeline
from services.leads.decider.pipeline import in_use
from services.leads.events import LeadEvent, LeadLost, LeadReopened, LeadWon
from services.leads.states import Known, Lead, Lost, Merged, Open, Won

CANCELLED = "cancelled"
"""Why a renewal is lost whose subscription was cancelled, whatever reasons its pipeline has."""


def win(state: Lead, command: WinLead) -> Sequence[LeadEvent]:
    """For an amount; by default, and in the currency, that the lead has."""
    if isinstance(state, Won) and _is_same(state, command):
        return []
    lead = open_lead(state)
    amount, currency = _amount(lead, command)
    refuse(money(amount, currency))
    if amount is None or currency is None:
        detail = "A lead is won for an amount: give one, or describe the lead first."
        raise refusal("/amount", "required", detail)
    return [LeadWon(lead.stage, amount, currency, at=command.at)]


def _is_same(state: Won, command: WinLead) -> bool:
    amount, currency = command.amount, command.currency
    return amount in (None, state.amount) and currency in (None, state.currency)


def _amount(lead: Known, command: WinLead) -> tuple[int | None, str | None]:
    if command.amount is None and command.currency in (None, lead.currency):
        return lead.amount, lead.currency
    return command.amount, command.currency or lead.currency


def lose(state: Lead, command: LoseLead) -> Sequence[LeadEvent]:
    """For one of the pipeline's reasons; a renewal also because it was cancelled."""
    refuse(text(command.competitor, "/competitor"))
    if isinstance(state, Lost) and _is_as_before(state, command):
        return []
    lead = open_lead(state)
    pipeline = pipeline_of(lead, command.pipeline)
    reasons = (*pipeline.reasons, CANCELLED) if pipeline.kind == "renewal" else pipeline.reasons
    if command.reason not in reasons:
        detail = f"{command.reason!r} is none of {', '.join(reasons)}."
        raise refusal("/reason", "unknown_reason", detail)
    return [LeadLost(lead.stage, command.reason, command.competitor, at=command.at)]


def _is_as_before(state: Lost, command: LoseLead) -> bool:
    return (state.reason, state.competitor) == (command.reason, command.competitor)


def reopen(state: Lead, command: ReopenLead) -> Sequence[LeadEvent]:
    """In the stage that it was closed in, or the one that took its place."""
    match known(state):
        case Open():
            return []
        case Merged():
            open_lead(state)  # which says what to do instead
            return []
        case Won(lead) | Lost(lead):
            pipeline = same_pipeline(lead, in_use(command.pipeline))
            refuse(text(command.reason, "/reason"))
            stage = pipeline.present(lead.stage)
            return [LeadReopened(stage, pipeline.revision, command.reason, at=command.at)]
        case _ as never:
            assert_never(never)
