"""How quotes end: accepted, declined, withdrawn, expired."""

from collections.abc import Sequence

from services.leads.bounds import LONG
from services.leads.decider.checks import conflict, refusal, refuse, text, whole
from services.leads.decider.knowing import known as known_lead
from services.leads.decider.knowing import open_lead
from services.leads.quotes.bounds import MOST_IDENTIFIERS
from services.leads.quotes.commands import (
    AcceptQuote,
    DeclineQuote,
    ExpireQuote,
    LoseQuote,
    WithdrawQuote,
)
from services.leads.quotes.decider.knowing import ends, expired, known, open_quote
from services.leads.quotes.decider.sending import same_version
from services.leads.quotes.events import (
    QuoteAccepted,
    QuoteDeclined,
    QuoteEvent,
    QuoteExpired,
    QuoteWithdrawn,
)
from services.leads.quotes.states import Accepted, Open, Ordered, Quote
from services.leads.states import Known as Lead
from services.leads.states import Lost, Merged, Won
from shared.messages import Identifier


def accept(state: Quote, command: AcceptQuote) -> Sequence[QuoteEvent]:
    """Exactly what was sent, until the end of its last day, also before the timer came by.

    Of a lead that is open, or won already. The same again is no news.
    """
    there = known(state)
    if isinstance(there, Accepted | Ordered) and there.version == command.version:
        return []
    found = open_quote(there)
    offer = same_version(found.quote, command.version, _sent(found))
    if command.at >= ends(offer.valid_until):
        raise expired(offer.valid_until)
    refuse(text(command.note or None, "/note", LONG))
    return [
        QuoteAccepted(
            lead=found.quote.lead,
            number=found.quote.number,
            version=offer.version,
            amount=offer.priced.total,
            currency=offer.priced.currency,
            valid_until=offer.valid_until,
            identifiers=_who(_lead(command), command),
            note=command.note,
            at=command.at,
        )
    ]


def _sent(state: Open) -> int:
    if state.sent is None:
        raise conflict("/version", "not_sent", "No version of this quote is with the customer.")
    return state.sent


def _lead(command: AcceptQuote) -> Lead:
    state = known_lead(command.state)
    return state.lead if isinstance(state, Won) else open_lead(state)


def _who(lead: Lead, command: AcceptQuote) -> tuple[Identifier, ...]:
    """Who orders: those that are named, else whoever asked; claims prove nothing."""
    refuse(whole(len(command.identifiers), "/identifiers", 0, MOST_IDENTIFIERS))
    named = command.identifiers or lead.identifiers
    found = tuple(each for each in named if each.subject is not None and not each.claim)
    if not found:
        detail = "It is not known by which identifiers the lead's customer orders: name one."
        raise refusal("/identifiers", "required", detail)
    return found[:MOST_IDENTIFIERS]


def decline(state: Quote, command: DeclineQuote) -> Sequence[QuoteEvent]:
    """What was sent; a newer version that is in work goes on."""
    found = open_quote(state)
    refuse(text(command.reason, "/reason", LONG))
    version, quote = _sent(found), found.quote
    revised = quote.latest.version > version
    told = (quote.lead, quote.number, version, command.reason, revised)
    return [QuoteDeclined(*told, at=command.at)]


def withdraw(state: Quote, command: WithdrawQuote) -> Sequence[QuoteEvent]:
    """All versions, sent or not."""
    quote = open_quote(state).quote
    refuse(text(command.reason, "/reason", LONG))
    return [QuoteWithdrawn(quote.lead, quote.number, command.reason, at=command.at)]


def lose(state: Quote, command: LoseQuote) -> Sequence[QuoteEvent]:
    """One that is open goes with its lead; what was drafted since it was reopened stays.

    Never before it was drafted: a device may tell late that a lead was lost.
    """
    if not isinstance(state, Open):
        return []
    quote = state.quote
    if not isinstance(command.state, Lost | Merged) and quote.drafted > command.before:
        return []
    at = max(command.at, quote.drafted)
    return [QuoteWithdrawn(quote.lead, quote.number, command.reason, at=at)]


def expire(state: Quote, command: ExpireQuote) -> Sequence[QuoteEvent]:
    """Where what was sent has just that last moment; else there is nothing to wait for."""
    if not isinstance(state, Open) or state.sent is None:
        return []
    quote, offer = state.quote, state.quote.offer(state.sent)
    if offer is None or ends(offer.valid_until) != command.moment:
        return []
    revised = quote.latest.version > offer.version
    told = (quote.lead, quote.number, offer.version, offer.valid_until, revised)
    return [QuoteExpired(*told, at=command.at)]
