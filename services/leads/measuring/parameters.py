"""What reads of measures take: a period, whose numbers, and what they are told apart by."""

from datetime import date, timedelta
from typing import Any, Literal

from pydantic import Field

from services.leads.api.parameters import Day
from services.leads.measuring.periods import FIRST_YEAR, MOST_DAYS
from shared.clock import now
from shared.http import wrong_parameter
from shared.parameters import Line, Page

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
What = Literal[
    "prospective_customers",
    "open_leads",
    "lifetime",
    "new_customers",
    "customers_before",
    "retained_customers",
    "churned_customers",
    "repeat_customers",
    "new_leads",
    "won_leads",
    "orders",
    "new_revenue",
    "recurring",
    "costs",
    "costs_of_leads",
    "costs_of_sales",
    "sales_calls",
    "contacts",
    "proposals",
    "overdue_steps",
]

DAYS = 30
"""Days that are measured where none are named."""


def _any(name: str) -> Any:
    what = f"Any of these; may be repeated: the {name} that the number is told by."
    return Field(None, alias=f"filter[{name}][eq]", max_length=50, description=what)


def _whether(name: str) -> Any:
    return Field(None, alias=f"filter[{name}][exists]", description=f"Whether there is a {name}.")


class Told(Page):
    """Whose numbers, and of which days."""

    since: Day | None = Field(
        None, alias="from", description="On or after this day (UTC); left out: 30 days."
    )
    until: Day | None = Field(
        None, alias="to", description="Before this day (UTC); left out: today is the last."
    )
    pipeline_eq: list[Line] | None = _any("pipeline")
    pipeline_exists: bool | None = _whether("pipeline")
    owner_eq: list[Line] | None = _any("owner")
    owner_exists: bool | None = _whether("owner")
    team_eq: list[Line] | None = _any("team")
    team_exists: bool | None = _whether("team")
    source_eq: list[Line] | None = _any("source")
    source_exists: bool | None = _whether("source")
    product_eq: list[Line] | None = _any("product")
    product_exists: bool | None = _whether("product")
    country_eq: list[Line] | None = _any("country")
    country_exists: bool | None = _whether("country")
    region_eq: list[Line] | None = _any("region")
    region_exists: bool | None = _whether("region")

    def days(self) -> tuple[date, date]:
        """The first day, and the one after the last. Raises Unprocessable."""
        until = self.until
        if until is None:
            until = now().date() + timedelta(days=1)
            if self.since is not None:
                until = max(until, self.since + timedelta(days=1))
        since = self.since or until - timedelta(days=DAYS)
        long = timedelta(0) < until - since <= timedelta(days=MOST_DAYS)
        if not (long and since.year >= FIRST_YEAR):
            detail = f"From `from` to `to` there are 1 to {MOST_DAYS:,} days, since {FIRST_YEAR}."
            raise wrong_parameter("from", "range", detail)
        return since, until


class Measured(Told):
    """Numbers by group."""

    by: By = Field(
        "",
        description="What the numbers are told apart by; whole days, weeks (from Monday) or months "
        "that have one of the days asked for. Left out: one number of each kind.",
    )


class Behind(Told):
    """What is behind one number."""

    what: What = Field(description="The number, as `query` of one names it.")
    value_eq: Line | None = Field(
        None, alias="filter[value][eq]", description="Of this currency, or type of contact."
    )
