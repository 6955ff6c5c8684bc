"""What reads of following up take: query parameters, of which an unknown one is refused."""

from functools import lru_cache
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field

from services.leads.api.parameters import Day, State
from services.leads.follow_ups.events import Means, Tactic
from services.leads.queries.filters import Filter
from shared.parameters import Line, Moment, Page, Parameters

StepState = Literal["pending", "due", "overdue", "done", "skipped", "cancelled"]
Booked = Literal["booked", "kept", "cancelled"]


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _is_zone(name: str) -> str:
    if name not in _zones():
        raise ValueError(f"{name!r} is no time zone of the IANA database; one is Europe/London")
    return name


Zone = Annotated[Line, AfterValidator(_is_zone)]


def _any(name: str, what: str) -> Any:
    return Field(
        None, alias=f"filter[{name}][eq]", max_length=50, description=f"Any of these {what}."
    )


def _one(name: str, operator: str, what: str | None = None) -> Any:
    return Field(None, alias=f"filter[{name}][{operator}]", description=what)


class _Filtered(Parameters):
    """Parameters of which some are filters."""

    def filters(self, *without: str) -> tuple[Filter, ...]:
        """The conditions that were sent."""
        return tuple(
            Filter(name, _value(value))
            for name in type(self).model_fields
            if name.endswith(("_eq", "_gte", "_lt", "_exists")) and name not in without
            if (value := getattr(self, name)) is not None
        )


def _value(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(value)
    return str(value) if isinstance(value, UUID) else value


class Steps(Page, _Filtered):
    """The list of steps."""

    sort: Literal["due", "-due"] = "due"
    state_eq: list[StepState] | None = _any("state", "states; left out: all that are to be done")
    owner_eq: list[Line] | None = _any("owner", "owners of their leads; may be repeated")
    lead_eq: UUID | None = _one("lead", "eq")
    kind_eq: list[Means] | None = _any("kind", "kinds; may be repeated")
    sequence_eq: list[Line] | None = _any("sequence", "sequences; may be repeated")
    pipeline_eq: list[Line] | None = _any("pipeline", "pipelines; may be repeated")
    due_gte: Moment | None = _one("due", "gte")
    due_lt: Moment | None = _one("due", "lt")
    settled_gte: Moment | None = _one("settled", "gte", "When done, skipped or cancelled.")
    settled_lt: Moment | None = _one("settled", "lt")


class Appointments(Page, _Filtered):
    """The list of appointments."""

    sort: Literal["from", "-from"] = "from"
    state_eq: list[Booked] | None = _any("state", "states; may be repeated")
    owner_eq: list[Line] | None = _any("owner", "owners of their leads; may be repeated")
    lead_eq: UUID | None = _one("lead", "eq")
    pipeline_eq: list[Line] | None = _any("pipeline", "pipelines; may be repeated")
    from_gte: Moment | None = _one("from", "gte", "When it begins.")
    from_lt: Moment | None = _one("from", "lt")


class Uses(Parameters):
    """Which uses of tactics count."""

    pipeline_eq: list[Line] | None = _any("pipeline", "pipelines; may be repeated")
    stage_eq: list[Line] | None = _any("stage", "stages in which the lead was then")
    objection_eq: list[Line] | None = _any("objection", "objections; may be repeated")
    used_gte: Moment | None = _one("used", "gte", "When it was used.")
    used_lt: Moment | None = _one("used", "lt")


class Tactics(Uses, _Filtered):
    """Which tactics, and what came of them."""

    pipeline: Line | None = Field(None, description="Tactics that are for this pipeline.")
    stage: Line | None = Field(None, description="Tactics that are for this stage.")
    objection: Line | None = Field(None, description="Tactics that are for this objection.")

    @property
    def is_choosing(self) -> bool:
        """Whether it was named what the tactics are to be for."""
        return any(each is not None for each in (self.pipeline, self.stage, self.objection))

    def suits(self, tactic: Tactic) -> bool:
        """Whether a tactic is for what was named; one that names no pipeline or stage is for any,
        one that names no objection for none."""
        return (
            (self.pipeline is None or not tactic.pipelines or self.pipeline in tactic.pipelines)
            and (self.stage is None or not tactic.stages or self.stage in tactic.stages)
            and (self.objection is None or self.objection in tactic.objections)
        )


class LeadsBehind(Page, Uses, _Filtered):
    """The leads behind a number of a tactic."""

    owner_eq: list[Line] | None = _any("owner", "owners; may be repeated")
    state_eq: list[State] | None = _any("state", "states; may be repeated")
    closed_exists: bool | None = _one(
        "closed", "exists", "Whether it was won or lost after the tactic was used."
    )


class Whose(Parameters):
    """Whose day or calendars."""

    representative: Line | None = Field(
        None,
        description="A principal such as `representative:7`; needed by services, others have "
        "their own.",
    )


class DayOf(Whose):
    """Which day."""

    date: Day | None = Field(
        None, description="A day of the time zone, from 31 days ago to 366 ahead; left out: today."
    )
    time_zone: Zone = Field("UTC", description="Of the IANA database, such as Europe/London.")
