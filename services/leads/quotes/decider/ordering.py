"""How the order of an accepted quote is placed, or refused, and tried again."""

from collections.abc import Sequence

from services.leads.bounds import LONG
from services.leads.decider.checks import refuse, text
from services.leads.quotes.commands import NoteOrdered, NoteOrderRefused, RetryOrder
from services.leads.quotes.decider.knowing import known, status
from services.leads.quotes.events import (
    QuoteEvent,
    QuoteOrdered,
    QuoteOrderRefused,
    QuoteOrderRetried,
)
from services.leads.quotes.states import Accepted, Ordered, Quote
from shared.errors import Conflict


def ordered(state: Quote, command: NoteOrdered) -> Sequence[QuoteEvent]:
    """Once: what is ordered is ordered."""
    if isinstance(state, Ordered):
        return []
    quote = _accepted(state).quote
    event = (command.source, command.id, command.position)
    return [QuoteOrdered(quote.lead, quote.number, *event, at=command.at)]


def refused(state: Quote, command: NoteOrderRefused) -> Sequence[QuoteEvent]:
    """Until it is tried again nobody tries."""
    accepted = _accepted(state)
    if accepted.refused is not None:
        return []
    quote = accepted.quote
    why = (command.status, command.code, command.detail, command.pointers)
    return [QuoteOrderRefused(quote.lead, quote.number, *why, at=command.at)]


def retry(state: Quote, command: RetryOrder) -> Sequence[QuoteEvent]:
    """One that was refused; one that is still to be placed is no news."""
    accepted = _accepted(state)
    refuse(text(command.reason, "/reason", LONG))
    if accepted.refused is None:
        return []
    quote = accepted.quote
    return [QuoteOrderRetried(quote.lead, quote.number, command.reason, at=command.at)]


def _accepted(state: Quote) -> Accepted:
    there = known(state)
    if not isinstance(there, Accepted):
        name = status(there)
        detail = f"This quote is {name}: it has no order to be placed."
        raise Conflict(detail, code=f"quote_{name}")
    return there
