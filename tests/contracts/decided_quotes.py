"""One event of every type that is decided of opportunities and quotes, with everything in it."""

from typing import Any

from services.leads.catalogue.pricing import Line, Priced, PricedLine
from services.leads.quotes.decider import OPPORTUNITY, QUOTE
from services.leads.quotes.decider.opportunity import stream_of
from services.leads.quotes.document import digest
from services.leads.quotes.events import (
    Content,
    OpportunityDescribed,
    Person,
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
    Version,
)
from shared.messages import Identifier
from tests.leads.examples import JANE, ME, OTHER
from tests.records import at

_QUOTE = "0191d5a0-0000-7000-8000-000000000009"
_LINES = (Line("SET-1", 2, 500), Line("CUP-4", 1, 0, 300))
_PRICED = Priced(
    lines=(
        PricedLine("SET-1", "Tea set", "set", 2, 5200, 5200, 500, 9880, 11200, 800),
        PricedLine("CUP-4", "Cup", "piece", 1, None, 300, 0, 300),
    ),
    total=10180,
    currency="EUR",
    price_list="standard",
    version=3,
    day="2026-01-01",
    saved=800,
    on={"world": 2},
)
_CONTENT = Content(
    people=(Person("decides", JANE, "Jane", "Likes tea"), Person("uses", name="John")),
    organisation=OTHER,
    lines=_LINES,
    priced=_PRICED,
    amount=10180,
    currency="EUR",
    expected_close="2026-03-31",
    next_step="Call back",
    categories={"SET-1": "kitchen", "CUP-4": "kitchen"},
)
_OFFER = Version(
    *(1, _LINES, _PRICED, "2026-01-31", "30 days", "de"), ("Jane Doe", "1 High Street")
)
_OF: tuple[str, str] = (ME, "Q-2026-7K3MZ-9Q2XD")
_NAMED = (Identifier("user", "42", "shop", JANE),)
_OF_QUOTES: list[QuoteEvent] = [
    QuoteDrafted(*_OF, _OFFER, at=at(1)),
    QuoteRevised(*_OF, _OFFER, 1, at=at(2)),
    QuoteSent(
        *(ME, "Q-2026-7K3MZ-9Q2XD", 1, "email", digest(b""), 1),
        *(10180, "EUR", "2026-01-31", "jane@example.com"),
        at=at(3),
    ),
    QuoteAccepted(
        *(ME, "Q-2026-7K3MZ-9Q2XD", 1, 10180, "EUR", "2026-01-31", _NAMED, "By telephone"),
        at=at(4),
    ),
    QuoteDeclined(*_OF, 1, "Price", True, at=at(4)),
    QuoteWithdrawn(*_OF, "Sold out", at=at(4)),
    QuoteExpired(*_OF, 1, "2026-01-31", True, at=at(5)),
    QuoteOrdered(*_OF, "/leads/quotes", f"{_QUOTE}/1", "interactions.1/3/7", at=at(5)),
    QuoteOrderRefused(*_OF, 422, "invalid", "Too long.", ("/data/order",), at=at(5)),
    QuoteOrderRetried(*_OF, "Made shorter", at=at(6)),
]

EVENTS: dict[str, tuple[str, str, Any]] = {
    **{
        OPPORTUNITY.name_of(event): (stream_of(ME), JANE, event)
        for event in [
            OpportunityDescribed(
                ME, _CONTENT, ("people", "lines", "priced", "amount"), 3, 1, at=at(1)
            )
        ]
    },
    **{QUOTE.name_of(event): (_QUOTE, JANE, event) for event in _OF_QUOTES},
}
"""By type: the stream, the partition key, the event."""
