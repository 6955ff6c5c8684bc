"""What may be asked of opportunities and quotes; `at` is when, `lead` the lead as it stands."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.leads.catalogue.pricing import Catalogue, Line
from services.leads.catalogue.states import PriceList, Product
from services.leads.quotes.events import Channel, Language, Person
from services.leads.states import Lead
from shared.messages import Identifier


@dataclass(frozen=True, kw_only=True)
class DescribeOpportunity:
    """The commercial side of an open lead, whole.

    With a price list the lines come to an amount by it; without one `amount` is an estimate.
    """

    lead: str
    state: Lead
    products: Mapping[str, Product]
    at: str
    people: tuple[Person, ...] = ()
    organisation: str | None = None
    lines: tuple[Line, ...] = ()
    price_list: PriceList | None = None
    amount: int | None = None
    currency: str | None = None
    expected_close: str | None = None
    next_step: str | None = None


@dataclass(frozen=True, kw_only=True)
class Wording:
    """What a quote says beside its lines; `valid_until` is its last day, in UTC."""

    valid_until: str
    terms: str = ""
    language: Language = "en"
    address: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class DraftQuote:
    """A quote for an open lead, priced by the catalogue on the day of `at`."""

    lead: str
    state: Lead
    number: str
    catalogue: Catalogue
    lines: tuple[Line, ...]
    wording: Wording
    at: str


@dataclass(frozen=True, kw_only=True)
class ReviseQuote:
    """A new version, priced anew."""

    state: Lead
    catalogue: Catalogue
    lines: tuple[Line, ...]
    wording: Wording
    at: str


@dataclass(frozen=True, kw_only=True)
class SendQuote:
    """The latest version went out; refused where its lines break a rule of the catalogue."""

    state: Lead
    products: Mapping[str, Product]
    version: int
    channel: Channel
    at: str
    recipient: str | None = None


@dataclass(frozen=True, kw_only=True)
class AcceptQuote:
    """The version that was sent; `identifiers` are who orders, where it is not who asked."""

    state: Lead
    version: int
    at: str
    identifiers: tuple[Identifier, ...] = ()
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class DeclineQuote:
    reason: str
    at: str


@dataclass(frozen=True, kw_only=True)
class WithdrawQuote:
    reason: str
    at: str


@dataclass(frozen=True, kw_only=True)
class LoseQuote:
    """The quote's lead was lost, or went into another one; `state` is that lead now.

    `before`: quotes that were drafted up to that moment go with it, also where it is open again.
    """

    state: Lead
    reason: str
    at: str
    before: str = ""


@dataclass(frozen=True, kw_only=True)
class ExpireQuote:
    """The moment came up to which something that was sent might be accepted."""

    moment: str
    at: str


@dataclass(frozen=True, kw_only=True)
class NoteOrdered:
    source: str
    id: str
    position: str
    at: str


@dataclass(frozen=True, kw_only=True)
class NoteOrderRefused:
    status: int
    code: str
    detail: str
    at: str
    pointers: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RetryOrder:
    reason: str
    at: str


OpportunityCommand = DescribeOpportunity
QuoteCommand = (
    DraftQuote
    | ReviseQuote
    | SendQuote
    | AcceptQuote
    | DeclineQuote
    | WithdrawQuote
    | LoseQuote
    | ExpireQuote
    | NoteOrdered
    | NoteOrderRefused
    | RetryOrder
)
