"""What follows of its own accord: a lead that is lost, or goes into another one, takes its open
quotes with it."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from services.leads.decider import LEAD
from services.leads.events import LeadLost, LeadMerged
from services.leads.quotes.commands import LoseQuote
from services.leads.quotes.decider import QUOTE
from services.leads.quotes.decider.quote import PREFIX
from services.leads.quotes.events import QuoteDrafted, QuoteRevised
from services.leads.states import Lost
from shared.deciding.policies import Reaction, Target
from shared.projection import Event

MERGED = "The lead went into another one."


def _lose(event: Event) -> Sequence[Reaction]:
    """All that are open, of a lead that was closed: their claims name it."""
    body, lead = event.body, event.envelope.stream
    assert isinstance(body, LeadLost | LeadMerged)
    assert lead is not None
    reason = _lost(body.reason) if isinstance(body, LeadLost) else MERGED

    def command(states: Mapping[str, Any]) -> LoseQuote:
        return LoseQuote(state=states[lead], reason=reason, at=body.at, before=body.at)

    needs, subjects = (Target(LEAD, lead),), (lead,)
    return [Reaction(QUOTE, "", "", command, subjects=subjects, needs=needs, prefix=PREFIX)]


def _written(event: Event) -> Sequence[Reaction]:
    """One that was written while its lead was being closed."""
    body, envelope = event.body, event.envelope
    assert isinstance(body, QuoteDrafted | QuoteRevised)
    assert envelope.stream is not None
    command = partial(_go_with, body.lead, body.at)
    needs = (Target(LEAD, body.lead),)
    return [Reaction(QUOTE, envelope.stream, envelope.partitionkey, command, needs=needs)]


def _go_with(lead: str, at: str, states: Mapping[str, Any]) -> LoseQuote:
    state = states[lead]
    reason = _lost(state.reason) if isinstance(state, Lost) else MERGED
    return LoseQuote(state=state, reason=reason, at=at)


def _lost(reason: str) -> str:
    return f"The lead was lost: {reason}"


REACT: Mapping[type, Callable[[Event], Sequence[Reaction] | None]] = {
    LeadLost: _lose,
    LeadMerged: _lose,
    QuoteDrafted: _written,
    QuoteRevised: _written,
}
