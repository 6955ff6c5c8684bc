"""What operations take: query parameters, of which an unknown one is refused, and bodies."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from shared.parameters import Currency, Line, Moment, Page, Parameters

Namespace = Annotated[Line, StringConstraints(max_length=128)]
Minor = Annotated[int, Field(ge=-(10**18), le=10**18)]
Count = Annotated[int, Field(ge=0, le=2**62)]

Channel = Literal[
    "phone", "email", "desk", "letter", "web", "store", "chat", "social", "mobile", "partner"
]
Direction = Literal["inbound", "outbound", "internal"]
Sort = Literal[
    "last_seen",
    "-last_seen",
    "first_seen",
    "-first_seen",
    "revenue",
    "-revenue",
    "orders",
    "-orders",
    "interactions",
    "-interactions",
]


class Then(Parameters):
    """A moment that is over; each RFC 3339, a 400 where it is not, or not over yet."""

    as_of: str | None = Field(
        None,
        description="As it was then: only events whose `time` is not later. An event that happened "
        "before and was recorded after it counts; `known_at` leaves it out. Answered is what a "
        "view would that had been stopped there, for the subject in the path as it belonged then.",
        examples=["2026-01-31T12:00:00Z"],
        json_schema_extra={"format": "date-time"},
    )
    known_at: str | None = Field(
        None,
        description="As we knew it then: only events that were recorded no later.",
        examples=["2026-01-31T12:00:00Z"],
        json_schema_extra={"format": "date-time"},
    )


class One(Then):
    """One customer."""

    timeline: int = Field(0, ge=0, le=200, description="Latest events to show with it.")


_MAIN = "the currency of most of the customer's orders"


class Customers(Page, Then):
    """The list of customers, or the one that an identifier belongs to."""

    identifier: Line | None = Field(
        None,
        description="Answer with the one customer of this identifier instead of a list: "
        "`email:jane@example.com`, `user:shop:42` (kind:namespace:value; with no namespace "
        "named, the key's own). Takes `timeline`, `as_of`, `known_at` and `min_position` beside "
        "it, nothing else. "
        "`POST /v1/customers/lookup` does the same with no identifier in a URL.",
        examples=["email:jane@example.com"],
    )
    timeline: int | None = Field(
        None, ge=0, le=200, description="With `identifier`: latest events to show with it."
    )
    sort: Sort = Field(
        "-last_seen",
        description="`-` for descending. `revenue` needs `filter[currency][eq]`.",
    )
    currency_eq: Currency | None = Field(
        None, alias="filter[currency][eq]", description=f"`revenue` is in {_MAIN}: this one."
    )
    revenue_gte: Minor | None = Field(
        None, alias="filter[revenue][gte]", description="Minor units; needs the currency."
    )
    revenue_lte: Minor | None = Field(
        None, alias="filter[revenue][lte]", description="Minor units; needs the currency."
    )
    orders_gte: Count | None = Field(None, alias="filter[orders][gte]")
    orders_lte: Count | None = Field(None, alias="filter[orders][lte]")
    interactions_gte: Count | None = Field(None, alias="filter[interactions][gte]")
    interactions_lte: Count | None = Field(None, alias="filter[interactions][lte]")
    last_seen_gte: Moment | None = Field(None, alias="filter[last_seen][gte]")
    last_seen_lte: Moment | None = Field(None, alias="filter[last_seen][lte]")
    first_seen_gte: Moment | None = Field(None, alias="filter[first_seen][gte]")
    first_seen_lte: Moment | None = Field(None, alias="filter[first_seen][lte]")


class Timeline(Page, Then):
    """What part of a timeline."""

    since: Moment | None = Field(None, alias="from", description="At or after this time.")
    until: Moment | None = Field(None, alias="to", description="Before this time.")
    type: list[Line] | None = Field(
        None, max_length=50, description="Any of these interaction types; may be repeated."
    )
    channel: list[Channel] | None = Field(
        None, max_length=10, description="Any of these channels; may be repeated."
    )
    direction: list[Direction] | None = Field(
        None, max_length=3, description="Any of these directions; may be repeated."
    )


class Why(Page):
    """Which value is to be explained."""

    field: Line = Field(
        description="A path into the profile: `first_seen`, `interactions.by_type.page.viewed`, "
        "`traits.name`, `orders.count`, `revenue.EUR.amount`, `satisfaction.nps.score`, "
        "`consents.email.jane@example.com.newsletter` ... An unknown one is a 400 that lists all.",
        examples=["revenue.EUR.amount"],
    )


class Organisation(Page):
    """One organisation and a page of its members."""

    namespace: Line = Field("", description="Of the organisation's number; often empty.")


class Body(BaseModel):
    """A JSON body; a name that is not among its fields is an error."""

    model_config = ConfigDict(extra="forbid")


class Lookup(Body):
    """An identifier, as any system writes it."""

    kind: Line = Field(description="user, crm, loyalty, email, phone or device.")
    namespace: Namespace | None = Field(
        None, description="Left out: the key's own. E-mail and phone have none."
    )
    value: Line

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"kind": "email", "value": "jane@example.com"}]},
    )


class Named(Body):
    """An identifier by kind and value, or by the subject that stands for it."""

    kind: Line | None = None
    namespace: Namespace | None = None
    value: Line | None = None
    subject: UUID | None = None

    @model_validator(mode="after")
    def _one_way(self) -> "Named":
        by_value = self.kind is not None and self.value is not None
        partly = any(part is not None for part in (self.kind, self.namespace, self.value))
        if (self.subject is not None and partly) or (self.subject is None and not by_value):
            raise ValueError("name it by `kind` and `value` (and `namespace`), or by `subject`")
        return self


class IdentityDecision(Body):
    """What somebody decided about two identifiers."""

    identifiers: Annotated[list[Named], Field(min_length=2, max_length=2)]
    decision: Literal["together", "apart", "observed"]
    reason: Annotated[Line, StringConstraints(min_length=1)] = Field(
        description="Why, in a sentence; kept with the decision for ever."
    )

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "identifiers": [
                        {"kind": "email", "value": "jane@example.com"},
                        {"kind": "user", "namespace": "shop", "value": "42"},
                    ],
                    "decision": "apart",
                    "reason": "Jane lent her e-mail address to her mother for one order.",
                }
            ]
        },
    )


class KeyDisownment(Body):
    """A key that leaked."""

    key: Annotated[Line, StringConstraints(min_length=1, max_length=64)] = Field(
        description="The name of the key."
    )
    reason: Annotated[Line, StringConstraints(min_length=1)] = Field(
        description="Why, in a sentence; kept for ever."
    )

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"key": "web", "reason": "Somebody posted made-up devices with it."}]
        },
    )
