"""How quotes are written: priced at that moment, in versions."""

from collections.abc import Sequence
from datetime import date, timedelta

from services.leads.bounds import SHORT
from services.leads.catalogue.pricing import Catalogue, Line, price
from services.leads.decider.checks import Wrong, day, refuse, text, whole
from services.leads.decider.knowing import open_lead
from services.leads.quotes.bounds import LONGEST_TERMS, MOST_ADDRESS, MOST_DAYS, MOST_VERSIONS
from services.leads.quotes.commands import DraftQuote, ReviseQuote, Wording
from services.leads.quotes.decider.knowing import known, open_quote
from services.leads.quotes.events import QuoteDrafted, QuoteEvent, QuoteRevised, Version
from services.leads.quotes.states import Declined, Expired, Quote, Unwritten
from shared.errors import Conflict, FieldError


def draft(state: Quote, command: DraftQuote) -> Sequence[QuoteEvent]:
    open_lead(command.state)
    offer = _version(1, command.catalogue, command.lines, command.wording, command.at)
    if not isinstance(state, Unwritten):
        raise Conflict("This quote is there already.", code="quote_exists")
    return [QuoteDrafted(command.lead, command.number, offer, at=command.at)]


def revise(state: Quote, command: ReviseQuote) -> Sequence[QuoteEvent]:
    """Also one that was declined or has expired: it is in work again.

    What was sent may be accepted until the new version is sent.
    """
    there = known(state)
    over = isinstance(there, Declined | Expired)
    sent = None if over else open_quote(there).sent
    open_lead(command.state)
    quote = there.quote
    number = len(quote.versions) + 1
    if number > MOST_VERSIONS:
        detail = f"A quote has at most {MOST_VERSIONS} versions; draft another one."
        raise Conflict(detail, code="too_many_versions")
    offer = _version(number, command.catalogue, command.lines, command.wording, command.at)
    return [QuoteRevised(quote.lead, quote.number, offer, sent, at=command.at)]


def _version(
    number: int, catalogue: Catalogue, lines: tuple[Line, ...], wording: Wording, at: str
) -> Version:
    """Raises Unprocessable with what is wrong of the words, else of the lines."""
    refuse(_wrong(wording, at))
    return Version(
        version=number,
        lines=lines,
        priced=price(catalogue, lines, at[:10]),
        valid_until=wording.valid_until,
        terms=wording.terms,
        language=wording.language,
        address=wording.address,
    )


def _wrong(wording: Wording, at: str) -> Wrong:
    wrong = [*day(wording.valid_until, "/valid_until")]
    yield from wrong or wrong_last_day(wording.valid_until, at)
    yield from text(wording.terms or None, "/terms", LONGEST_TERMS)
    yield from whole(len(wording.address), "/address", 0, MOST_ADDRESS)
    for number, line in enumerate(wording.address[:MOST_ADDRESS]):
        yield from text(line, f"/address/{number}", SHORT)


def wrong_last_day(valid_until: str, at: str) -> Wrong:
    """A last day that is over, or too far off."""
    today = date.fromisoformat(at[:10])
    latest = (today + timedelta(days=MOST_DAYS)).isoformat()
    if not today.isoformat() <= valid_until <= latest:
        detail = f"From {today} to {latest}, not {valid_until}."
        yield FieldError("/valid_until", "out_of_range", detail)
