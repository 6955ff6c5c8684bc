"""What reads of leads take: query parameters, of which an unknown one is refused."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, Field

from services.leads.queries.filters import CONDITIONS, Filter
from shared.parameters import Currency, Line, Moment, Page, Parameters

State = Literal["open", "won", "lost", "merged"]
Minor = Annotated[int, Field(ge=0, le=10**15)]
Sort = Literal[
    "touched",
    "-touched",
    "captured",
    "-captured",
    "since",
    "-since",
    "amount",
    "-amount",
    "expected_close",
    "-expected_close",
]
By = Literal[
    "",
    "pipeline",
    "owner",
    "team",
    "source",
    "product",
    "country",
    "region",
    "day",
    "week",
    "month",
]


def _with_room(day: date) -> date:
    if not 1 < day.year < 9999:
        raise ValueError("this day is out of range")
    return day


Day = Annotated[date, AfterValidator(_with_room)]


def _any(name: str, what: str) -> Any:
    return Field(
        None, alias=f"filter[{name}][eq]", max_length=50, description=f"Any of these {what}."
    )


def _one(name: str, operator: str, what: str | None = None) -> Any:
    return Field(None, alias=f"filter[{name}][{operator}]", description=what)


class Chosen(Parameters):
    """Which leads, by what they are told apart by."""

    pipeline_eq: list[Line] | None = _any("pipeline", "pipelines; may be repeated")
    owner_eq: list[Line] | None = _any("owner", "owners; may be repeated")
    owner_exists: bool | None = _one("owner", "exists", "Whether somebody owns it.")
    source_eq: list[Line] | None = _any("source", "sources; may be repeated")
    product_eq: list[Line] | None = _any("product", "products; may be repeated")
    product_exists: bool | None = _one("product", "exists", "Whether a product is named.")
    team_eq: list[Line] | None = _any("team", "teams, of which the owner is a member now")
    team_exists: bool | None = _one("team", "exists", "Whether the owner is in any team now.")
    country_eq: list[Line] | None = _any("country", "countries: the lead's field `country`")
    country_exists: bool | None = _one("country", "exists", "Whether it has that field.")
    region_eq: list[Line] | None = _any("region", "regions: the lead's field `region`")
    region_exists: bool | None = _one("region", "exists", "Whether it has that field.")

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


class Leads(Page, Chosen):
    """The list of leads."""

    sort: Sort = Field(
        "-touched",
        description="`-` for descending; `touched` is the time of its latest event. `amount` needs "
        "`filter[currency][eq]`; leads without `expected_close` count as those latest expected.",
    )
    stage_eq: list[Line] | None = _any("stage", "stages, as leads are in now; may be repeated")
    state_eq: list[State] | None = _any("state", "states; may be repeated")
    reason_eq: list[Line] | None = _any("reason", "reasons for which they were lost")
    competitor_eq: list[Line] | None = _any("competitor", "competitors to whom they were lost")
    hot_eq: bool | None = _one("hot", "eq", "Whether it was hot, by any version of the rules.")
    prequalified_eq: bool | None = _one(
        "prequalified", "eq", "By the rules of prequalification; leads not judged yet are neither."
    )
    subject_eq: UUID | None = _one("subject", "eq", "The subject that asked first.")
    customer_eq: UUID | None = _one(
        "customer", "eq", "A customer's id, or any subject: all that belongs to the same one now."
    )
    currency_eq: Currency | None = _one("currency", "eq", "Of the amount (ISO 4217).")
    won_currency_eq: Currency | None = _one(
        "won_currency", "eq", "Of the amount they were won for."
    )
    amount_gte: Minor | None = _one("amount", "gte", "Minor units; needs the currency.")
    amount_lte: Minor | None = _one("amount", "lte", "Minor units; needs the currency.")
    captured_gte: Moment | None = _one("captured", "gte")
    captured_lt: Moment | None = _one("captured", "lt")
    touched_gte: Moment | None = _one("touched", "gte")
    touched_lt: Moment | None = _one("touched", "lt")
    closed_gte: Moment | None = _one("closed", "gte", "When it was won, lost or merged.")
    closed_lt: Moment | None = _one("closed", "lt")
    expected_close_gte: Day | None = _one("expected_close", "gte")
    expected_close_lte: Day | None = _one("expected_close", "lte")
    visited_eq: list[Line] | None = _any("visited", "stages it is or ever was in")
    reached_eq: Line | None = _one(
        "reached",
        "eq",
        "A stage: leads that are won, or ever were in it or in a later one. Needs exactly one "
        "`filter[pipeline][eq]`.",
    )


class Duplicates(Page):
    """Which open leads."""

    pipeline_eq: list[Line] | None = _any("pipeline", "pipelines; may be repeated")


class Board(Parameters):
    """What part of a board."""

    limit: int = Field(10, ge=1, le=200, description="Leads of each column.")
    stage: Line | None = Field(None, description="One column alone; needed with `cursor`.")
    cursor: str | None = Field(
        None, max_length=2048, description="`next_cursor` of that column as it was shown before."
    )


class Then(Parameters):
    """As of a moment that is over, by what was known at one."""

    as_of: Moment | None = Field(
        None,
        description="The score as it was then: by the rules of then, of what had happened by then "
        "to whoever belonged to the customer then. Left out: now.",
        examples=["2026-01-31T12:00:00Z"],
    )
    known_at: Moment | None = Field(
        None,
        description="By what was recorded, or told, no later. Left out: by all that is known.",
        examples=["2026-01-31T12:00:00Z"],
    )

    @property
    def is_past(self) -> bool:
        """Whether either moment was named."""
        return self.as_of is not None or self.known_at is not None


class Measured(Page, Chosen):
    """Which leads are measured, and in which period."""

    since: Day | None = Field(
        None, alias="from", description="On or after this day (UTC); left out: 30 days."
    )
    until: Day | None = Field(
        None, alias="to", description="Before this day (UTC); left out: today is the last."
    )
    by: By = Field(
        "",
        description="What the numbers are told apart by; of days, weeks and months: each number "
        "where it happened. Left out: one number of each kind.",
    )
