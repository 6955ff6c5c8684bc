"""The bodies of commands about plans; a name that is not among their fields is an error."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from services.leads.api.bodies import Amount, Text, example
from services.leads.planning.events import Kind, Measure, PeriodKind, Role
from shared.parameters import Currency, Day

Reason = Annotated[str, Field(max_length=200)]
Share = Annotated[int, Field(ge=1, le=10_000, description="Hundredths of a percent.")]


class GoalBody(BaseModel):
    """What a goal is about, and the target: a count, or minor units of `currency`."""

    model_config = example(
        kind="representative",
        name="representative:7",
        measure="won_amount",
        currency="EUR",
        period="quarter",
        first="2026-10-01",
        target=5000000,
    )

    kind: Kind
    name: Text | None = Field(None, description="Left out: of all.")
    measure: Measure
    currency: Currency | None = None
    period: PeriodKind
    first: Day = Field(description="The first day of the period.")
    target: Annotated[int, Field(ge=1, le=10**15)]


class TargetBody(BaseModel):
    """Another target."""

    model_config = example(target=6000000, reason="One more colleague")

    target: Annotated[int, Field(ge=1, le=10**15)]
    reason: Reason = ""


class ShareBody(BaseModel):
    """What those get who had a part: the owner, who captured it, sent a quote, owned it before."""

    model_config = ConfigDict(extra="forbid")

    role: Role
    share: Share


class RuleBody(BaseModel):
    """What is paid for a won lead: a rate of the amount, or a fixed amount."""

    model_config = ConfigDict(extra="forbid")

    id: Text
    shares: Annotated[list[ShareBody], Field(min_length=1, max_length=4)]
    rate: Share | None = None
    amount: Amount | None = None
    currency: Currency | None = None
    pipelines: Annotated[list[Text], Field(max_length=200)] = []
    products: Annotated[list[Text], Field(max_length=200)] = []
    least: Amount | None = Field(None, description="Won for at least so much.")
    least_currency: Currency | None = None


class RulesBody(BaseModel):
    """All rules; each that holds pays."""

    model_config = example(
        rules=[
            {
                "id": "sales",
                "rate": 500,
                "shares": [{"role": "owner", "share": 8000}, {"role": "captured", "share": 2000}],
                "pipelines": ["sales"],
            }
        ]
    )

    rules: Annotated[list[RuleBody], Field(max_length=100)]
