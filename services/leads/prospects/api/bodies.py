"""The bodies of commands about prospects; a name that is not among their fields is an error."""

from datetime import UTC, date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from services.leads.api.bodies import Named, OwnField, Text, example
from services.leads.prospects.bounds import MOST_DAYS, MOST_ITEMS, MOST_RULES
from shared.clock import rfc3339
from shared.parameters import Line, Owner

_JANE = [{"kind": "email", "value": "jane@example.com"}]
_PROSPECT: dict[str, Any] = {
    "identifiers": _JANE,
    "name": "Jane Doe",
    "organisation": "Doe & Daughters",
    "source": "/fairs/2026-utrecht",
    "fields": {"country": "NL"},
    "come_back": "2027-03-01",
}


def _with_room(value: date | datetime) -> date | datetime:
    if not 1 < value.year < 9999:
        raise ValueError("this moment is out of range")
    return value


ComeBack = Annotated[AwareDatetime | date, AfterValidator(_with_room)]
"""A day, which begins at midnight UTC, or a moment."""


def moment_of(value: date | datetime | None) -> str | None:
    """As events spell it."""
    if value is None:
        return None
    if isinstance(value, datetime):
        return rfc3339(value.astimezone(UTC))
    return rfc3339(datetime(value.year, value.month, value.day, tzinfo=UTC))


class Keep(BaseModel):
    """A person or an organisation to be spoken to; at least one identifier that identifies."""

    model_config = example(**_PROSPECT)

    identifiers: Annotated[list[Named], Field(min_length=1, max_length=20)]
    name: Text = Field("", validate_default=False)
    organisation: Text | None = None
    source: Annotated[Line, StringConstraints(min_length=1, max_length=2048)] = "prospect"
    fields: Annotated[dict[Text, OwnField], Field(max_length=100)] = {}
    come_back: ComeBack | None = Field(
        None, description="A day (its midnight, UTC) or a moment; over already: due at once."
    )


class Describe(BaseModel):
    """What changes; null takes a value away, what is left out stays."""

    model_config = example(organisation="Doe & Daughters", fields={"seats": 20})

    name: Text | None = None
    organisation: Text | None = None
    fields: Annotated[dict[Text, OwnField | None], Field(max_length=100)] = {}

    def changed(self) -> dict[str, Any]:
        """The fields that were sent."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class PutOff(BaseModel):
    model_config = example(come_back="2027-09-01", reason="After the summer, she said.")

    come_back: ComeBack | None = Field(description="Still to come; null: no date.")
    reason: Line = ""


class Promote(BaseModel):
    model_config = example(pipeline="sales", title="Wants to see the new chairs")

    pipeline: Text = "sales"
    title: Text | None = Field(None, description="Left out: the prospect's name.")
    owner: Owner | None = None


class PromoteMany(Promote):
    """Those of `ids`, or those who wait on a `list`, one of the two."""

    model_config = example(list="spring-2027", pipeline="sales")

    ids: Annotated[list[UUID], Field(min_length=1, max_length=MOST_ITEMS)] | None = None
    list: Text | None = None
    after: UUID | None = Field(None, description="Of a list: `next` of the answer before.")


class Off(BaseModel):
    model_config = example(ids=["0197f3f0-7a5e-8c3e-8e1c-2f4f5a6b7c8d"])

    ids: Annotated[list[UUID], Field(min_length=1, max_length=MOST_ITEMS)]


class Import(BaseModel):
    """Prospects, each as `POST /v1/prospects` takes one; a wrong one hurts no other."""

    model_config = example(items=[_PROSPECT])

    items: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=MOST_ITEMS)]


class ListBody(BaseModel):
    """What a list is for; with `filters`, by name as profile has them, it is filled from there."""

    model_config = example(
        purpose="Bought last year, not this one",
        filters={"orders_gte": "1", "last_seen_lte": "2026-06-01T00:00:00Z"},
    )

    purpose: Text
    filters: Annotated[dict[Text, Text], Field(max_length=20)] = Field(
        {}, description="`revenue_gte`, `orders_lte`, `last_seen_gte` ...; `currency_eq`."
    )


class Because(BaseModel):
    model_config = example(reason="She asked not to be called.")

    reason: Text


class RuleBody(BaseModel):
    """A lead lost in one of `pipelines` for one of `reasons` (empty: any) returns after `days`."""

    model_config = ConfigDict(extra="forbid")

    id: Text
    days: Annotated[int, Field(ge=1, le=MOST_DAYS)]
    pipelines: Annotated[list[Text], Field(max_length=50)] = []
    reasons: Annotated[list[Text], Field(max_length=100)] = []
    into: Text = "win-back"
    promote: bool = Field(False, description="Whether a lead begins of its own accord then.")


class RulesBody(BaseModel):
    """The rules in their order: the first that holds decides. None: no lead returns."""

    model_config = example(
        rules=[
            {"id": "timing", "reasons": ["bad timing"], "days": 90, "into": "win-back"},
            {"id": "price", "reasons": ["price"], "days": 180, "promote": True},
        ]
    )

    rules: Annotated[list[RuleBody], Field(max_length=MOST_RULES)]
