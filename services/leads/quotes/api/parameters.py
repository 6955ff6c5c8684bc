"""What reads of quotes take: query parameters, of which an unknown one is refused."""

from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from services.leads.api.parameters import Day
from services.leads.queries.filters import Filter
from services.leads.quotes.bounds import MOST_VERSIONS
from services.leads.quotes.queries import CONDITIONS
from shared.parameters import Line, Moment, Page, Parameters

State = Literal["drafted", "sent", "accepted", "ordered", "declined", "withdrawn", "expired"]
Ordering = Literal["pending", "refused", "placed"]
Sort = Literal["drafted", "-drafted", "valid_until", "-valid_until"]


def _any(name: str, what: str) -> Any:
    return Field(
        None, alias=f"filter[{name}][eq]", max_length=50, description=f"Any of these {what}."
    )


def _one(name: str, operator: str, what: str | None = None) -> Any:
    return Field(None, alias=f"filter[{name}][{operator}]", description=what)


class Quotes(Page):
    """The list of quotes."""

    sort: Sort = Field("-drafted", description="`-` for descending.")
    lead_eq: UUID | None = _one("lead", "eq")
    customer_eq: UUID | None = _one(
        "customer", "eq", "A customer's id, or any subject: all that belongs to the same one now."
    )
    owner_eq: list[Line] | None = _any("owner", "owners of their leads; may be repeated")
    state_eq: list[State] | None = _any("state", "states; may be repeated")
    ordering_eq: list[Ordering] | None = _any(
        "ordering", "of accepted ones: whether the order is pending, refused or placed"
    )
    number_eq: Line | None = _one("number", "eq", "The number for people.")
    valid_until_gte: Day | None = _one("valid_until", "gte")
    valid_until_lte: Day | None = _one("valid_until", "lte")
    sent_gte: Moment | None = _one("sent", "gte", "When the latest sending was.")
    sent_lt: Moment | None = _one("sent", "lt")

    def filters(self) -> tuple[Filter, ...]:
        """The conditions that were sent."""
        return tuple(
            Filter(name, _value(value))
            for name in CONDITIONS
            if (value := getattr(self, name, None)) is not None
        )


def _value(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(value)
    return str(value) if isinstance(value, UUID) else value


class Which(Parameters):
    """Which version of a quote."""

    version: int | None = Field(
        None, ge=1, le=MOST_VERSIONS, description="Of `versions`; left out: the latest."
    )
