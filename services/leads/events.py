"""The facts of leads: what happened to a lead, to a pipeline, to the rules of scoring."""

from collections.abc import Mapping
from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from shared.messages import Identifier

Kind = Literal["sales", "partner", "renewal", "win-back"]
"""What a pipeline is for."""

Field = str | int | float | bool
"""The value of a field of one's own."""


class Stage(Struct, frozen=True, omit_defaults=True):
    """A stage of a pipeline.

    `probability` of winning from here in percent, 0 to 100; `moves`: the stages that a lead may go
    to from here; `required`: the fields of a lead that must be known to enter (see
    `states.REQUIRABLE`, and `fields.NAME` for one's own); `days` that a lead may stay.
    """

    name: str
    probability: int
    moves: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    days: int | None = None


class FitRule(Struct, frozen=True, omit_defaults=True):
    """Points for who somebody is; they do not age.

    `on` the company, the country or the trait of that name: any value, or one of `values` (in any
    case), or a number from `least` to `most`.
    """

    id: str
    points: int
    on: Literal["trait", "company", "country"]
    trait: str | None = None
    values: tuple[str, ...] = ()
    least: int | None = None
    most: int | None = None
    group: str = "fit"


class EngagementRule(Struct, frozen=True, omit_defaults=True):
    """Points for every event of a type, halved with age; a condition that is given must hold."""

    id: str
    points: int
    type: str
    channel: str | None = None
    purpose: str | None = None
    product: str | None = None
    group: str = "engagement"


class Interest(Struct, frozen=True, omit_defaults=True):
    """When a customer without an open lead in `pipeline` has one of its own accord.

    Once what happened about one product comes to `points`, of engagement, aged and uncapped, since
    the customer's last lead there was closed; what asks for something opens a lead by itself.
    """

    points: int
    pipeline: str = "sales"


class Condition(Struct, frozen=True, omit_defaults=True):
    """Who somebody must be: `on`, `trait`, `values`, `least` and `most` as in FitRule."""

    id: str
    on: Literal["trait", "company", "country"]
    trait: str | None = None
    values: tuple[str, ...] = ()
    least: int | None = None
    most: int | None = None


class Prequalification(Struct, frozen=True, omit_defaults=True):
    """What must hold of a lead before it is worked on: all `conditions`, and `least` to `most`
    points."""

    conditions: tuple[Condition, ...] = ()
    least: int | None = None
    most: int | None = None


class Thresholds(Struct, frozen=True):
    """Points from which a lead has the grade; one that has fewer than `c` has grade D."""

    a: int
    b: int
    c: int


class RuleSet(Struct, frozen=True, omit_defaults=True):
    """How leads are scored.

    `half_life` in days: after so many, points of engagement are worth half; `caps`: the most
    points that a group comes to, `cap` what all come to; a lead of `hot` points or more is hot.
    `interest` opens leads, `prequalify` says which are worth working on; without: none, and all.
    """

    fit: tuple[FitRule, ...]
    engagement: tuple[EngagementRule, ...]
    half_life: int
    thresholds: Thresholds
    hot: int
    caps: Mapping[str, int] = {}
    cap: int | None = None
    interest: Interest | None = None
    prequalify: Prequalification | None = None


class Fact(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Something that happened; `at` as records spell a moment, 27 characters."""

    at: str


class LeadCaptured(Fact, frozen=True):
    """A lead begins.

    `subject` asked, and was seen with `identifiers`; `source` is where it came from, `interaction`
    the 128-bit name of the event that caused it; `amount` in minor units of `currency`
    (ISO 4217); `revision` that of the pipeline.
    """

    pipeline: str
    revision: int
    stage: str
    subject: str
    source: str
    channel: str
    title: str
    identifiers: tuple[Identifier, ...] = ()
    product: str | None = None
    amount: int | None = None
    currency: str | None = None
    interaction: str | None = None
    owner: str | None = None
    fields: Mapping[str, Field] = {}


class LeadInquired(Fact, frozen=True):
    """Another inquiry joined an open lead; what it brought that was lacking is described next."""

    subject: str
    source: str
    channel: str
    title: str
    identifiers: tuple[Identifier, ...] = ()
    product: str | None = None
    amount: int | None = None
    currency: str | None = None
    interaction: str | None = None


class LeadDescribed(Fact, frozen=True):
    """What is known of a lead changed: only what did; null takes a value away.

    `amount` and `currency` change together; `expected_close` is a day, 2026-01-31.
    """

    title: str | UnsetType = UNSET
    product: str | UnsetType | None = UNSET
    amount: int | UnsetType | None = UNSET
    currency: str | UnsetType | None = UNSET
    expected_close: str | UnsetType | None = UNSET
    fields: Mapping[str, Field | None] = {}


class LeadMoved(Fact, frozen=True):
    """A lead went from one stage to another, of the pipeline in that revision."""

    left: str
    stage: str
    revision: int
    reason: str = ""


class LeadAssigned(Fact, frozen=True):
    """Somebody owns the lead from now on, and why: by a `rule` of routing, else by hand."""

    owner: str
    reason: str
    before: str | None = None
    rule: str | None = None


class LeadWon(Fact, frozen=True):
    """A lead was won from a stage, for an amount in minor units of `currency`."""

    stage: str
    amount: int
    currency: str


class LeadLost(Fact, frozen=True):
    """A lead was lost from a stage: for one of the pipeline's reasons, perhaps to a competitor."""

    stage: str
    reason: str
    competitor: str | None = None


class LeadReopened(Fact, frozen=True):
    """A lead that was won or lost is open again."""

    stage: str
    revision: int
    reason: str


class LeadMerged(Fact, frozen=True):
    """A lead went into another one, which is the one to work on."""

    into: str
    reason: str = ""


class LeadAbsorbed(Fact, frozen=True):
    """Another lead went into this one."""

    lead: str


class LeadUnmerged(Fact, frozen=True):
    """A lead that went into another one is a lead of its own again."""

    out_of: str
    reason: str = ""


class LeadReleased(Fact, frozen=True):
    """Another lead that went into this one is one of its own again."""

    lead: str


class LeadNoted(Fact, frozen=True):
    """Somebody wrote something down about a lead."""

    text: str


class LeadVisited(Fact, frozen=True):
    """Somebody went to see whom a lead is about, and reports what came of it, what is next."""

    text: str
    outcome: str
    place: str | None = None
    next_step: str | None = None


class LeadHeated(Fact, frozen=True):
    """A lead came to `points`, `hot` or more, by that version of the rules: told once for each."""

    points: float
    version: int
    hot: int


class LeadScored(Fact, frozen=True):
    """A lead came to `points`, as many as a rule of routing asks for: `reached`, told once."""

    points: float
    version: int
    reached: int
    pipeline: str


class LeadPrequalified(Fact, frozen=True):
    """A lead is worth working on, by that version of the rules."""

    points: float
    version: int


class LeadDisqualified(Fact, frozen=True):
    """It is not, or not yet: by the ids of the conditions that do not hold, `least`, `most`."""

    points: float
    version: int
    failed: tuple[str, ...]


class PipelineDefined(Fact, frozen=True):
    """There is a pipeline; its first stage is where leads begin; this is its revision 1."""

    name: str
    kind: Kind
    stages: tuple[Stage, ...]
    reasons: tuple[str, ...]


class PipelineChanged(Fact, frozen=True):
    """Stages or reasons changed; leads in the removed stages `moved` names go where it says."""

    name: str
    revision: int
    stages: tuple[Stage, ...]
    reasons: tuple[str, ...]
    moved: Mapping[str, str] = {}


class PipelineRetired(Fact, frozen=True):
    """No lead begins in this pipeline any more; those that are open are worked to their end."""

    name: str
    reason: str = ""


class ScoringDefined(Fact, frozen=True):
    """Leads are scored by these rules from now on; `at` is the epoch of their sums."""

    version: int
    rules: RuleSet


LeadEvent = (
    LeadCaptured
    | LeadInquired
    | LeadDescribed
    | LeadMoved
    | LeadAssigned
    | LeadWon
    | LeadLost
    | LeadReopened
    | LeadMerged
    | LeadAbsorbed
    | LeadUnmerged
    | LeadReleased
    | LeadNoted
    | LeadVisited
    | LeadHeated
    | LeadScored
    | LeadPrequalified
    | LeadDisqualified
)
PipelineEvent = PipelineDefined | PipelineChanged | PipelineRetired
ScoringEvent = ScoringDefined

LEAD_EVENTS: Mapping[str, type[LeadEvent]] = {
    "lead.captured": LeadCaptured,
    "lead.inquired": LeadInquired,
    "lead.described": LeadDescribed,
    "lead.moved": LeadMoved,
    "lead.assigned": LeadAssigned,
    "lead.won": LeadWon,
    "lead.lost": LeadLost,
    "lead.reopened": LeadReopened,
    "lead.merged": LeadMerged,
    "lead.absorbed": LeadAbsorbed,
    "lead.unmerged": LeadUnmerged,
    "lead.released": LeadReleased,
    "lead.noted": LeadNoted,
    "lead.visited": LeadVisited,
    "lead.heated": LeadHeated,
    "lead.scored": LeadScored,
    "lead.prequalified": LeadPrequalified,
    "lead.disqualified": LeadDisqualified,
}
PIPELINE_EVENTS: Mapping[str, type[PipelineEvent]] = {
    "pipeline.defined": PipelineDefined,
    "pipeline.changed": PipelineChanged,
    "pipeline.retired": PipelineRetired,
}
SCORING_EVENTS: Mapping[str, type[ScoringEvent]] = {"scoring.defined": ScoringDefined}
