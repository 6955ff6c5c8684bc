"""The facts of opportunities and quotes."""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from services.leads.catalogue.pricing import Line, Priced
from services.leads.events import Fact
from shared.messages import Identifier

Role = Literal["decides", "influences", "uses", "buys", "blocks", "supports", "evaluates"]
"""What somebody is to a purchase."""

Channel = Literal["email", "letter", "desk", "store", "phone", "chat", "web", "mobile", "partner"]
"""How a quote went out."""

Language = Literal["en", "de", "fr", "nl"]
"""In which the words of a document are."""


class Person(Struct, frozen=True, omit_defaults=True):
    """Somebody who has a part in a purchase: known by a subject, a name or both."""

    role: Role
    subject: str | None = None
    name: str | None = None
    note: str = ""


class Content(Struct, frozen=True, omit_defaults=True):
    """The commercial side of a lead.

    `organisation` is a subject. Lines are `priced` by a version of a price list, or have no
    amounts; `amount` in minor units of `currency` is what they come to, else an estimate, both or
    neither. `categories` are those of the products by sku, as they were. `expected_close` is a
    day.
    """

    people: tuple[Person, ...] = ()
    organisation: str | None = None
    lines: tuple[Line, ...] = ()
    priced: Priced | None = None
    amount: int | None = None
    currency: str | None = None
    expected_close: str | None = None
    next_step: str | None = None
    categories: Mapping[str, str] = {}


class OpportunityDescribed(Fact, frozen=True):
    """The commercial side of a lead is this from now on; `changed` names what differs.

    `lines` and `people` are how many there were before.
    """

    lead: str
    content: Content
    changed: tuple[str, ...]
    lines: int = 0
    people: int = 0


class Version(Struct, frozen=True, omit_defaults=True):
    """What a quote offers: lines and what they come to, as they were priced on a day.

    `priced` names the list, its version, the currency and the total, in minor units; `lines` are
    as they were asked for. It may be accepted until the end of `valid_until`, a day in UTC.
    """

    version: int
    lines: tuple[Line, ...]
    priced: Priced
    valid_until: str
    terms: str = ""
    language: Language = "en"
    address: tuple[str, ...] = ()


class QuoteDrafted(Fact, frozen=True):
    """There is a quote for a lead, with a number for people; this is its version 1."""

    lead: str
    number: str
    offer: Version


class QuoteRevised(Fact, frozen=True):
    """There is a new version; `sent` is the one that the customer has, if any may be accepted."""

    lead: str
    number: str
    offer: Version
    sent: int | None = None


class QuoteSent(Fact, frozen=True):
    """A version went to the customer, and is what may be accepted from now on.

    `digest` is the SHA-256 of its document as bytes, in hexadecimal, made with that `template`.
    """

    lead: str
    number: str
    version: int
    channel: Channel
    digest: str
    template: int
    amount: int
    currency: str
    valid_until: str
    recipient: str | None = None


class QuoteAccepted(Fact, frozen=True):
    """The customer accepted the version that was sent; `identifiers` are who orders."""

    lead: str
    number: str
    version: int
    amount: int
    currency: str
    valid_until: str
    identifiers: tuple[Identifier, ...]
    note: str = ""


class QuoteDeclined(Fact, frozen=True):
    """The customer declined what was sent; `revised`: a newer version is in work, and goes on."""

    lead: str
    number: str
    version: int
    reason: str
    revised: bool = False


class QuoteWithdrawn(Fact, frozen=True):
    """We do not offer this any more."""

    lead: str
    number: str
    reason: str


class QuoteExpired(Fact, frozen=True):
    """The last day of what was sent is over; `revised` as of QuoteDeclined."""

    lead: str
    number: str
    version: int
    valid_until: str
    revised: bool = False


class QuoteOrdered(Fact, frozen=True):
    """The order of an accepted quote is placed: by the event `id` of `source`, at a position."""

    lead: str
    number: str
    source: str
    id: str
    position: str


class QuoteOrderRefused(Fact, frozen=True):
    """The order was refused: with that status, code and sentence, `pointers` to what is wrong."""

    lead: str
    number: str
    status: int
    code: str
    detail: str
    pointers: tuple[str, ...] = ()


class QuoteOrderRetried(Fact, frozen=True):
    """The order that was refused is to be placed once more."""

    lead: str
    number: str
    reason: str


OpportunityEvent = OpportunityDescribed
QuoteEvent = (
    QuoteDrafted
    | QuoteRevised
    | QuoteSent
    | QuoteAccepted
    | QuoteDeclined
    | QuoteWithdrawn
    | QuoteExpired
    | QuoteOrdered
    | QuoteOrderRefused
    | QuoteOrderRetried
)

OPPORTUNITY_EVENTS: Mapping[str, type[OpportunityEvent]] = {
    "opportunity.described": OpportunityDescribed
}
QUOTE_EVENTS: Mapping[str, type[QuoteEvent]] = {
    "quote.drafted": QuoteDrafted,
    "quote.revised": QuoteRevised,
    "quote.sent": QuoteSent,
    "quote.accepted": QuoteAccepted,
    "quote.declined": QuoteDeclined,
    "quote.withdrawn": QuoteWithdrawn,
    "quote.expired": QuoteExpired,
    "quote.ordered": QuoteOrdered,
    "quote.order_refused": QuoteOrderRefused,
    "quote.order_retried": QuoteOrderRetried,
}
