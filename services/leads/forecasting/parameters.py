"""What reads of forecasts take: months, levels, as of when, whose."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from services.leads.api.parameters import Day
from services.leads.forecasting.queries import Levels
from services.leads.measuring.periods import FIRST_YEAR, LAST_YEAR, months
from shared.clock import now
from shared.http import wrong_parameter
from shared.parameters import Currency, Line, Moment, Page, Parameters

By = Literal["", "owner", "pipeline", "source", "product", "category"]
What = Literal["commit", "best_case", "pipeline", "left_out", "won", "last_year"]

MOST_MONTHS, MONTHS = 36, 6


def _any(name: str) -> Any:
    what = f"Any of these; may be repeated: the {name} of the lead then."
    return Field(None, alias=f"filter[{name}][eq]", max_length=50, description=what)


def _whether(name: str) -> Any:
    return Field(None, alias=f"filter[{name}][exists]", description=f"Whether there is a {name}.")


def _level(default: int, name: str) -> Any:
    what = f"The least probability of winning, in percent, from which a lead counts as {name}."
    return Field(default, ge=0, le=100, description=what)


class Whose(Parameters):
    """Which leads, and what their classes are."""

    commit: int = _level(75, "commit")
    best_case: int = _level(50, "best case")
    pipeline: int = _level(1, "pipeline")
    pipeline_eq: list[Line] | None = _any("pipeline")
    owner_eq: list[Line] | None = _any("owner")
    owner_exists: bool | None = _whether("owner")
    source_eq: list[Line] | None = _any("source")
    product_eq: list[Line] | None = _any("product")
    product_exists: bool | None = _whether("product")
    category_eq: list[Line] | None = _any("category")
    category_exists: bool | None = _whether("category")

    def levels(self) -> Levels:
        """Raises Unprocessable where they are not in order."""
        found = Levels(self.commit, self.best_case, self.pipeline)
        if not found.commit >= found.best_case >= found.pipeline:
            detail = "`commit` is at least `best_case`, and that at least `pipeline`."
            raise wrong_parameter("commit", "order", detail)
        return found


class AsOf(Whose):
    as_of: Moment | None = Field(
        None,
        description="As it was at this moment: by what had happened by then. Left out: now.",
        examples=["2026-10-31T23:59:59Z"],
    )


class Forecast(Page, AsOf):
    """Which months."""

    since: Day | None = Field(
        None, alias="from", description="The first month, by any day of it; left out: this one."
    )
    until: Day | None = Field(
        None, alias="to", description="Before the month of this day; left out: 6 months are shown."
    )
    by: By = Field("", description="What the sums are told apart by, as leads were then.")

    def months(self) -> tuple[date, date]:
        """The first day, and the one after the last. Raises Unprocessable."""
        since = (self.since or (self.as_of or now()).date()).replace(day=1)
        if not FIRST_YEAR <= since.year <= LAST_YEAR:
            raise wrong_parameter("from", "range", f"From {FIRST_YEAR} to {LAST_YEAR}.")
        until = self.until.replace(day=1) if self.until else months(since, MONTHS)
        if not since < until <= months(since, MOST_MONTHS):
            detail = f"From `from` to `to` there are 1 to {MOST_MONTHS} months."
            raise wrong_parameter("from", "range", detail)
        return since, until


def _within(day: date) -> date:
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ValueError(f"a day from {FIRST_YEAR} to {LAST_YEAR}")
    return day


Month = Annotated[date, AfterValidator(_within)]


class Behind(Page, AsOf):
    """Which sum."""

    what: What = Field(description="The sum, as `query` of one names it.")
    month: Month | None = Field(
        None, description="Any day of the month; left out: what is expected on no day."
    )
    currency: Currency


class Moved(Page, Whose):
    """Between which moments, of which month."""

    month: Month = Field(description="Any day of the month that is forecast.")
    then: Moment = Field(alias="from", description="The earlier moment.")
    as_of: Moment | None = Field(None, alias="to", description="The later one; left out: now.")

    def moments(self) -> tuple[datetime, datetime | None]:
        """Raises Unprocessable where they are not in order."""
        if self.then >= (self.as_of or now()):
            raise wrong_parameter("from", "range", "`from` is before `to`.")
        return self.then, self.as_of
