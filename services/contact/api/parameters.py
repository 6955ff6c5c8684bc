"""What contact's operations take."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field

from shared.parameters import Line, Moment, Page, Parameters

Channel = Literal[
    "phone",
    "email",
    "desk",
    "letter",
    "web",
    "store",
    "chat",
    "social",
    "mobile",
    "partner",
    "unknown",
]
Direction = Literal["inbound", "outbound", "internal"]


def _with_room(day: date) -> date:
    if not 1 < day.year < 9999:
        raise ValueError("this day is out of range")
    return day


Day = Annotated[date, AfterValidator(_with_room)]

_CUSTOMER = Field(
    None,
    description="A customer's id, or any subject: all that belongs to the same customer now.",
    examples=["5b2f0b0e-5a55-8c1d-9f0a-2d6f3a1c7e42"],
)
_SUBJECT = Field(None, description="One subject alone, whomever it belongs to.")
_CHANNELS = Field(None, max_length=11, description="Any of these channels; may be repeated.")
_TYPES = Field(None, max_length=50, description="Any of these interaction types; may be repeated.")
_LATEST = Field(None, alias="to", description="Before this time.")
_EARLIEST = Field(None, alias="from", description="At or after this time.")


class History(Page):
    """What part of whose interactions."""

    customer: UUID | None = _CUSTOMER
    subject: UUID | None = _SUBJECT
    channel: list[Channel] | None = _CHANNELS
    type: list[Line] | None = _TYPES
    direction: list[Direction] | None = Field(
        None, max_length=3, description="Any of these directions; may be repeated."
    )
    since: Moment | None = _EARLIEST
    until: Moment | None = _LATEST


class Narrowed(BaseModel):
    """Where words are looked for."""

    customer: UUID | None = _CUSTOMER
    channel: list[Channel] | None = _CHANNELS
    type: list[Line] | None = _TYPES
    since: Moment | None = _EARLIEST
    until: Moment | None = _LATEST


class One(Parameters):
    """One interaction."""

    subject: UUID | None = Field(
        None, description="Which one, where several subjects have an event of the same name."
    )


class Counted(Parameters):
    """Which interactions are counted."""

    customer: UUID | None = _CUSTOMER
    subject: UUID | None = _SUBJECT
    channel: list[Channel] | None = _CHANNELS
    type: list[Line] | None = _TYPES
    since: Day | None = Field(
        None, alias="from", description="On or after this day (UTC); left out: 30 days."
    )
    until: Day | None = Field(
        None, alias="to", description="Before this day (UTC); left out: today is the last."
    )
