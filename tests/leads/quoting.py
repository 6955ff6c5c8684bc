"""Quotes and opportunities: what examples of them begin with."""

from typing import Any

from services.leads.catalogue.pricing import Line, price
from services.leads.decider import LEAD
from services.leads.events import LeadAssigned
from services.leads.quotes.commands import (
    AcceptQuote,
    DescribeOpportunity,
    DraftQuote,
    ReviseQuote,
    SendQuote,
    Wording,
)
from services.leads.quotes.document import TEMPLATE, digest, render
from services.leads.quotes.events import (
    QuoteAccepted,
    QuoteDrafted,
    QuoteRevised,
    QuoteSent,
    Version,
)
from services.leads.states import Lead
from shared.messages import Identifier
from tests.leads.examples import JANE, ME, captured
from tests.leads.goods import ALL, STANDARD, catalogue
from tests.records import at

NUMBER = "Q-2026-7K3MZ-9Q2XD"
LAST = "2026-01-10"
WHO = (Identifier("user", "42", "shop", JANE),)
LINES = (Line("KETTLE", 2, 1000), Line("TEA", 3))
MORE = (Line("KETTLE", 12),)
TODAY = at(0)[:10]


def lead(*events: Any, **fields: Any) -> Lead:
    """Jane's lead after these."""
    found: Lead = LEAD.fold([captured(**({"identifiers": WHO} | fields)), *events])
    return found


OPEN = lead(LeadAssigned("representative:7", "hers", at=at(1)))


def offer(number: int = 1, lines: tuple[Line, ...] = LINES, **changes: Any) -> Version:
    wanted: dict[str, Any] = {"version": number, "lines": lines, "valid_until": LAST}
    return Version(**(wanted | {"priced": price(catalogue(), lines, TODAY)} | changes))


def drafted(**changes: Any) -> QuoteDrafted:
    return QuoteDrafted(ME, NUMBER, offer(**changes), at=at(1))


def revised(number: int = 2, sent: int | None = None, **changes: Any) -> QuoteRevised:
    return QuoteRevised(ME, NUMBER, offer(number, MORE, **changes), sent, at=at(3))


def sent(found: Version | None = None, seconds: float = 2) -> QuoteSent:
    found = found or offer()
    return QuoteSent(
        lead=ME,
        number=NUMBER,
        version=found.version,
        channel="email",
        digest=digest(render(NUMBER, found, TEMPLATE)),
        template=TEMPLATE,
        amount=found.priced.total,
        currency="EUR",
        valid_until=found.valid_until,
        at=at(seconds),
    )


def accepted(found: Version | None = None, seconds: float = 4) -> QuoteAccepted:
    found = found or offer()
    money = (found.priced.total, "EUR", found.valid_until)
    return QuoteAccepted(ME, NUMBER, found.version, *money, WHO, at=at(seconds))


def draft(**changes: Any) -> DraftQuote:
    wanted: dict[str, Any] = {"lead": ME, "state": OPEN, "number": NUMBER, "lines": LINES}
    wanted |= {"catalogue": catalogue(), "wording": Wording(valid_until=LAST), "at": at(1)}
    return DraftQuote(**(wanted | changes))


def revise(**changes: Any) -> ReviseQuote:
    wanted: dict[str, Any] = {"state": OPEN, "catalogue": catalogue(), "lines": MORE}
    return ReviseQuote(**(wanted | {"wording": Wording(valid_until=LAST), "at": at(3)} | changes))


def send(version: int = 1, **changes: Any) -> SendQuote:
    wanted: dict[str, Any] = {"state": OPEN, "products": ALL, "channel": "email", "at": at(2)}
    return SendQuote(**(wanted | {"version": version} | changes))


def accept(version: int = 1, **changes: Any) -> AcceptQuote:
    return AcceptQuote(**({"state": OPEN, "version": version, "at": at(4)} | changes))


def describe(**changes: Any) -> DescribeOpportunity:
    """The commercial side of Jane's lead."""
    wanted: dict[str, Any] = {"lead": ME, "state": OPEN, "products": ALL, "at": at(2)}
    return DescribeOpportunity(**(wanted | {"lines": LINES, "price_list": STANDARD} | changes))
