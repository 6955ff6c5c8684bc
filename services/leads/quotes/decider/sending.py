"""How quotes go out: what was sent is proven by the digest of its document."""

from collections.abc import Mapping, Sequence

from services.leads.catalogue.pricing import Catalogue, configuration
from services.leads.catalogue.states import PriceList, Product
from services.leads.decider.checks import Wrong, conflict, refuse, text
from services.leads.decider.knowing import open_lead
from services.leads.quotes.commands import SendQuote
from services.leads.quotes.decider.drafting import wrong_last_day
from services.leads.quotes.decider.knowing import open_quote
from services.leads.quotes.document import TEMPLATE, digest, render
from services.leads.quotes.events import QuoteEvent, QuoteSent, Version
from services.leads.quotes.states import Known, Quote
from shared.errors import FieldError


def send(state: Quote, command: SendQuote) -> Sequence[QuoteEvent]:
    """The latest version, whose lines keep to the rules of the catalogue as they are now.

    Sent once more the same way to the same recipient, it is a second event: it went out again.
    """
    quote = open_quote(state).quote
    open_lead(command.state)
    offer = same_version(quote, command.version, quote.latest.version)
    refuse(text(command.recipient, "/recipient"))
    refuse(wrong_last_day(offer.valid_until, command.at))
    refuse(_broken(offer, command.products))
    return [
        QuoteSent(
            lead=quote.lead,
            number=quote.number,
            version=offer.version,
            channel=command.channel,
            digest=digest(render(quote.number, offer, TEMPLATE)),
            template=TEMPLATE,
            amount=offer.priced.total,
            currency=offer.priced.currency,
            valid_until=offer.valid_until,
            recipient=command.recipient,
            at=command.at,
        )
    ]


def same_version(quote: Known, asked: int, stands: int) -> Version:
    """The version that stands. Raises Conflict where another one is asked for."""
    found = quote.offer(asked)
    if found is None or asked != stands:
        detail = f"Version {stands} is the one that stands, not {asked}."
        raise conflict("/version", "other_version", detail)
    return found


def _broken(offer: Version, products: Mapping[str, Product]) -> Wrong:
    """The rules of the catalogue that the lines break."""
    prices = PriceList(offer.priced.price_list, offer.priced.version, offer.priced.currency, {})
    for finding in configuration(Catalogue(products, prices), offer.lines):
        yield FieldError(finding.pointer, finding.code, finding.detail)
