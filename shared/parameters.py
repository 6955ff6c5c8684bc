"""What operations of every API take: query parameters, of which an unknown one is refused."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

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
