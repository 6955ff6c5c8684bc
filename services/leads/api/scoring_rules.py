"""The body of the rules of scoring."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.leads.api.bodies import Text, example
from services.leads.decider.scoring import MOST_DAYS, MOST_POINTS, MOST_RULES

Points = Annotated[int, Field(ge=-MOST_POINTS, le=MOST_POINTS, strict=True)]
Bound = Annotated[int, Field(strict=True)]
Group = Annotated[Text, Field(max_length=64, description="Rules that share a cap.")]


class ConditionBody(BaseModel):
    """Who somebody is: any value, or one of `values`, or a number from `least` to `most`."""

    model_config = ConfigDict(extra="forbid")

    id: Text
    on: Literal["trait", "company", "country"]
    trait: Text | None = Field(None, description="Its name, where `on` is trait.")
    values: Annotated[list[Text], Field(max_length=500, description="In any case.")] = []
    least: Bound | None = None
    most: Bound | None = None


class FitBody(ConditionBody):
    """Points for who somebody is; they do not age."""

    points: Points
    group: Group = "fit"


class EngagementBody(BaseModel):
    """Points for every event of a type, halved with age; a condition that is given must hold."""

    model_config = ConfigDict(extra="forbid")

    id: Text
    points: Points
    type: Text = Field(description="Of events, such as quote.requested.")
    channel: Text | None = None
    purpose: Text | None = None
    product: Text | None = None
    group: Group = "engagement"


class ThresholdsBody(BaseModel):
    """Points from which a lead has the grade; one that has fewer than `c` has grade D."""

    model_config = ConfigDict(extra="forbid")

    a: Points
    b: Points
    c: Points


class InterestBody(BaseModel):
    """When a customer without an open lead in `pipeline` has one of its own accord: once what
    happened about one product comes to `points`, of engagement, aged and uncapped."""

    model_config = ConfigDict(extra="forbid")

    points: Annotated[int, Field(ge=1, le=MOST_POINTS, strict=True)]
    pipeline: Text = "sales"


class PrequalifyBody(BaseModel):
    """What must hold of a lead before it is worked on: all conditions, and its points."""

    model_config = ConfigDict(extra="forbid")

    conditions: Annotated[list[ConditionBody], Field(max_length=MOST_RULES)] = []
    least: Points | None = None
    most: Points | None = None


class RuleSetBody(BaseModel):
    """The rules of scoring: `rules` of what `GET /v1/scoring` shows."""

    model_config = example(
        fit=[{"id": "country", "on": "country", "values": ["NL"], "points": 10}],
        engagement=[{"id": "quote", "type": "quote.requested", "points": 30}],
        half_life=30,
        thresholds={"a": 60, "b": 30, "c": 10},
        hot=80,
        interest={"points": 30, "pipeline": "sales"},
        prequalify={"conditions": [{"id": "known", "on": "company"}], "least": 10},
    )

    fit: Annotated[list[FitBody], Field(max_length=MOST_RULES)]
    engagement: Annotated[list[EngagementBody], Field(max_length=MOST_RULES)]
    half_life: Annotated[int, Field(ge=1, le=MOST_DAYS, strict=True, description="Days.")]
    thresholds: ThresholdsBody
    hot: Points
    caps: dict[Text, Annotated[int, Field(ge=1, le=MOST_POINTS, strict=True)]] = Field(
        {}, description="The most points that a group comes to."
    )
    cap: Annotated[int, Field(ge=1, le=MOST_POINTS, strict=True)] | None = Field(
        None, description="What all comes to at most."
    )
    interest: InterestBody | None = None
    prequalify: PrequalifyBody | None = None
