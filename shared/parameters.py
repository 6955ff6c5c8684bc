"""What operations of every API take: query parameters, of which an unknown one is refused."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from shared.auth import PRINCIPAL
from shared.identifiers import MAX_LENGTH


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("U+0000 stands in no text here")
    return text


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("this moment is out of range") from None


Line = Annotated[str, StringConstraints(max_length=MAX_LENGTH), AfterValidator(_storable)]
Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]

_CURRENCY, _DAY, _PRINCIPAL = r"^[A-Z]{3}$", r"^\d{4}-\d{2}-\d{2}$", rf"^{PRINCIPAL}$"
_PRINTABLE = r"^[\x21-\x7e]+$"
Currency = Annotated[str, StringConstraints(pattern=_CURRENCY), Field(description="ISO 4217.")]
Day = Annotated[str, StringConstraints(pattern=_DAY, max_length=10)]
Owner = Annotated[
    str,
    StringConstraints(pattern=_PRINCIPAL, max_length=161),
    Field(description="A principal as keys have them: representative:7, partner:12."),
]
Name = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=_PRINTABLE)]

SAID = {
    _CURRENCY: "A currency is three capital letters (ISO 4217), such as EUR.",
    _DAY: "A day is written as 2026-11-01.",
    _PRINCIPAL: "A principal is kind:id, such as representative:7 or partner:12.",
    _PRINTABLE: "Printable ASCII characters without spaces.",
}
"""Of patterns: what would be right."""


class Parameters(BaseModel):
    """Query parameters; a name that is not among them is an error."""

    model_config = ConfigDict(extra="forbid", populate_by_name=False)

    min_position: str | None = Field(
        None,
        max_length=300,
        description="A `position` that an ingest or a command answered: wait up to 2 s until the "
        "view has it, else 503.",
    )


class Page(Parameters):
    """A page of a list."""

    limit: int = Field(50, ge=1, le=200, description="Items on a page.")
    cursor: str | None = Field(
        None, max_length=2048, description="`next_cursor` of the page before."
    )
