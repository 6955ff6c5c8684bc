"""A quote: a table of its rules, and what it is after each event."""

from collections.abc import Sequence
from typing import assert_never

from msgspec.structs import replace

from services.leads.quotes.commands import (
    AcceptQuote,
    DeclineQuote,
    DraftQuote,
    ExpireQuote,
    LoseQuote,
    NoteOrdered,
    NoteOrderRefused,
    QuoteCommand,
    RetryOrder,
    ReviseQuote,
    SendQuote,
    WithdrawQuote,
)
from services.leads.quotes.decider.answering import accept, decline, expire, lose, withdraw
from services.leads.quotes.decider.drafting import draft, revise
from services.leads.quotes.decider.knowing import known
from services.leads.quotes.decider.ordering import ordered, refused, retry
from services.leads.quotes.decider.sending import send
from services.leads.quotes.events import (
    QuoteAccepted,
    QuoteDeclined,
    QuoteDrafted,
    QuoteEvent,
    QuoteExpired,
    QuoteOrdered,
    QuoteOrderRefused,
    QuoteOrderRetried,
    QuoteRevised,
    QuoteSent,
    QuoteWithdrawn,
)
from services.leads.quotes.states import (
    Accepted,
    Declined,
    Expired,
    Known,
    Open,
    Ordered,
    Problem,
    Quote,
    Sending,
    Withdrawn,
)
from shared.decider import Claim

PREFIX = "quotes/"
"""What the scopes of those claims begin with by which a lead finds its open quotes."""


def decide(state: Quote, command: QuoteCommand) -> Sequence[QuoteEvent]:  # noqa: C901  (a table)
    match command:
        case DraftQuote():
            return draft(state, command)
        case ReviseQuote():
            return revise(state, command)
        case SendQuote():
            return send(state, command)
        case AcceptQuote():
            return accept(state, command)
        case DeclineQuote():
            return decline(state, command)
        case WithdrawQuote():
            return withdraw(state, command)
        case LoseQuote():
            return lose(state, command)
        case ExpireQuote():
            return expire(state, command)
        case NoteOrdered():
            return ordered(state, command)
        case NoteOrderRefused():
            return refused(state, command)
        case RetryOrder():
            return retry(state, command)
        case _:
            assert_never(command)


def evolve(state: Quote, event: QuoteEvent) -> Quote:  # noqa: C901  (a table)
    if isinstance(event, QuoteDrafted):
        return Open(Known(event.lead, event.number, event.at, (event.offer,)))
    quote = known(state).quote
    match event:
        case QuoteRevised():
            return Open(replace(quote, versions=(*quote.versions, event.offer)), event.sent)
        case QuoteSent():
            return Open(_sent(quote, event), event.version)
        case QuoteAccepted():
            return Accepted(quote, event.version, event.at, event.identifiers)
        case QuoteDeclined():
            ended: Quote = Declined(quote, event.version, event.reason)
            return Open(quote) if event.revised else ended
        case QuoteWithdrawn():
            return Withdrawn(quote, event.reason)
        case QuoteExpired():
            ended = Expired(quote, event.version, event.valid_until)
            return Open(quote) if event.revised else ended
        case QuoteOrdered() | QuoteOrderRefused() | QuoteOrderRetried():
            return _ordering(state, event)
        case _:
            assert_never(event)


def claims(state: Quote) -> frozenset[Claim]:
    """While a quote is open its lead finds it; the number is a part of the scope, so that it never
    stands in another one's way."""
    if not isinstance(state, Open):
        return frozenset()
    return frozenset({Claim(f"{PREFIX}{state.quote.number}", state.quote.lead)})


def _sent(quote: Known, event: QuoteSent) -> Known:
    how = (event.version, event.at, event.channel, event.digest, event.template, event.recipient)
    return replace(quote, sendings=(*quote.sendings, Sending(*how)))


def _ordering(state: Quote, event: QuoteOrdered | QuoteOrderRefused | QuoteOrderRetried) -> Quote:
    assert isinstance(state, Accepted)
    match event:
        case QuoteOrdered(source=source, id=id, position=position):
            accepted = (state.quote, state.version, state.at)
            return Ordered(*accepted, event.at, source, id, position)
        case QuoteOrderRefused(status=status, code=code, detail=detail, pointers=pointers):
            return replace(state, refused=Problem(status, code, detail, event.at, pointers))
        case QuoteOrderRetried():
            return replace(state, refused=None)
        case _:
            assert_never(event)
