"""The bodies of opportunities and quotes; a name that is not among their fields is an error."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.leads.api.bodies import Amount, Named, Text, example
from services.leads.catalogue.api.bodies import LineBody
from services.leads.catalogue.bounds import MOST_LINES
from services.leads.catalogue.pricing import Line as PriceLine
from services.leads.quotes.bounds import (
    LONGEST_TERMS,
    MOST_ADDRESS,
    MOST_IDENTIFIERS,
    MOST_PEOPLE,
    MOST_VERSIONS,
)
from services.leads.quotes.events import Channel, Language, Person, Role
from shared.parameters import Currency, Day, Line

Long = Annotated[Line, StringConstraints(max_length=LONGEST_TERMS)]
Lines = Annotated[list[LineBody], Field(max_length=MOST_LINES)]
Address = Annotated[list[Text], Field(max_length=MOST_ADDRESS)]
Number = Annotated[int, Field(ge=1, le=MOST_VERSIONS)]

_LINES = [
    {"sku": "KETTLE-1", "quantity": 2, "discount": 500},
    {"sku": "TEA-7", "quantity": 4},
]
_ADDRESS = ["Jane Doe", "Acme Ltd", "1 High Street", "London"]


class PersonBody(BaseModel):
    """Somebody who has a part in a purchase: a subject, a name or both."""

    model_config = ConfigDict(extra="forbid")

    role: Role
    subject: UUID | None = None
    name: Text | None = None
    note: Long = ""

    def person(self) -> Person:
        subject = None if self.subject is None else str(self.subject)
        return Person(self.role, subject, self.name, self.note)


class OpportunityBody(BaseModel):
    """The commercial side of a lead, whole; what is left out is empty."""

    model_config = example(
        people=[{"role": "decides", "name": "Jane Doe"}, {"role": "uses", "name": "John Doe"}],
        price_list="standard",
        lines=_LINES,
        expected_close="2026-12-15",
        next_step="Show it to the kitchen.",
    )

    people: Annotated[list[PersonBody], Field(max_length=MOST_PEOPLE)] = []
    organisation: UUID | None = Field(None, description="A subject.")
    lines: Lines = []
    price_list: Text | None = Field(
        None, description="By which the lines come to an amount; left out: they come to none."
    )
    amount: Amount | None = Field(
        None, description="An estimate in minor units of `currency`, without a price list."
    )
    currency: Currency | None = None
    expected_close: Day | None = None
    next_step: Text | None = None


class QuoteBody(BaseModel):
    """A quote; without lines those of the opportunity, and its price list."""

    model_config = example(
        price_list="standard",
        lines=_LINES,
        valid_until="2026-12-31",
        terms="Payable within 30 days.",
        language="en",
        address=_ADDRESS,
    )

    lines: Lines | None = None
    price_list: Text | None = Field(
        None, description="Left out: the opportunity's, `standard`, or a partner's own."
    )
    valid_until: Day | None = Field(
        None, description="The last day (UTC) on which it may be accepted; left out: in 30 days."
    )
    terms: Long = ""
    language: Language = Field("en", description="Of the words of the document.")
    address: Address = Field([], description="Lines, as they stand on the document.")


class RevisionBody(BaseModel):
    """A new version; what is left out is as in the latest one, priced anew."""

    model_config = example(
        lines=[{"sku": "KETTLE-1", "quantity": 3, "discount": 1000}], valid_until="2026-12-31"
    )

    valid_until: Day
    lines: Lines | None = None
    price_list: Text | None = None
    terms: Long | None = None
    language: Language | None = None
    address: Address | None = None


class SendBody(BaseModel):
    """How it went out."""

    model_config = example(version=1, channel="email", recipient="jane@example.com")

    version: Number = Field(description="The latest of `versions`, as you saw it.")
    channel: Channel
    recipient: Text | None = None


class AcceptBody(BaseModel):
    """What the customer accepted."""

    model_config = example(version=1, note="By telephone.", win=True)

    version: Number = Field(description="That which was sent.")
    note: Long = ""
    win: bool = Field(False, description="Win the lead too, for the quote's amount.")
    identifiers: Annotated[list[Named], Field(max_length=MOST_IDENTIFIERS)] = Field(
        [], description="Who orders; left out: whoever asked. Needed where that is not known."
    )


def lines_of(found: list[LineBody]) -> tuple[PriceLine, ...]:
    return tuple(each.line() for each in found)
