"""What may be asked of leads, pipelines and the rules of scoring; `at` is when."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from msgspec import UNSET, UnsetType

from services.leads.events import Field, Kind, RuleSet, Stage
from services.leads.states import Lead, Pipeline
from shared.messages import Identifier


@dataclass(frozen=True, kw_only=True)
class CaptureLead:
    """Somebody asks for something: a lead begins, or the one that is open has another inquiry.

    `amount` in minor units of `currency`, both or neither; `interaction` the 128-bit name of the
    event that says so.
    """

    pipeline: Pipeline
    subject: str
    source: str
    channel: str
    title: str
    at: str
    identifiers: tuple[Identifier, ...] = ()
    product: str | None = None
    amount: int | None = None
    currency: str | None = None
    interaction: str | None = None
    owner: str | None = None
    fields: Mapping[str, Field] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class DescribeLead:
    """Change what is known of an open lead; None takes a value away.

    An amount without a currency is one of the lead's present currency. `fields` are one's own.
    """

    at: str
    title: str | UnsetType = UNSET
    product: str | UnsetType | None = UNSET
    amount: int | UnsetType | None = UNSET
    currency: str | UnsetType | None = UNSET
    expected_close: str | UnsetType | None = UNSET
    fields: Mapping[str, Field | None] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class MoveLead:
    """To a stage that the pipeline allows from the present one."""

    pipeline: Pipeline
    stage: str
    at: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class FollowPipeline:
    """Where the pipeline removed the stage that a lead is in, to the one that took its place."""

    pipeline: Pipeline
    at: str


@dataclass(frozen=True, kw_only=True)
class AssignLead:
    """`rule`: of routing; by hand without one."""

    owner: str
    reason: str
    at: str
    rule: str | None = None


@dataclass(frozen=True, kw_only=True)
class WinLead:
    """For the lead's own amount where none is given."""

    at: str
    amount: int | None = None
    currency: str | None = None


@dataclass(frozen=True, kw_only=True)
class LoseLead:
    pipeline: Pipeline
    reason: str
    at: str
    competitor: str | None = None


@dataclass(frozen=True, kw_only=True)
class ReopenLead:
    pipeline: Pipeline
    reason: str
    at: str


@dataclass(frozen=True, kw_only=True)
class MergeLead:
    """This lead, whose id is `lead`, goes into another one, which stands at `target`.

    To be appended together with that one's AbsorbLead, so that neither goes into the other at once.
    """

    lead: str
    into: str
    target: Lead
    at: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class AbsorbLead:
    """The other half of MergeLead: `lead` goes into this one."""

    lead: str
    at: str


@dataclass(frozen=True, kw_only=True)
class UnmergeLead:
    """To be appended together with ReleaseLead of the one that it went into."""

    at: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class ReleaseLead:
    """The other half of UnmergeLead: `lead` is one of its own again."""

    lead: str
    at: str


@dataclass(frozen=True, kw_only=True)
class NoteLead:
    text: str
    at: str


@dataclass(frozen=True, kw_only=True)
class ReportVisit:
    """Somebody was there, at `at`."""

    text: str
    outcome: str
    at: str
    place: str | None = None
    next_step: str | None = None


@dataclass(frozen=True, kw_only=True)
class JudgeLead:
    """The score of an open lead by a version of the rules: `hot` is the points of a hot one.

    `failed`: what does not hold of the rules of prequalification; None where there are none.
    `asked`: the points that rules of routing ask for.
    """

    version: int
    points: float
    hot: int
    failed: tuple[str, ...] | None
    at: str
    asked: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class DefinePipeline:
    """The first stage is where leads begin; `reasons` are those for which a lead may be lost."""

    name: str
    kind: Kind
    stages: tuple[Stage, ...]
    reasons: tuple[str, ...]
    at: str


@dataclass(frozen=True, kw_only=True)
class ChangePipeline:
    """Other stages or reasons; `moved` says for every removed stage where its leads go."""

    stages: tuple[Stage, ...]
    reasons: tuple[str, ...]
    at: str
    moved: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RetirePipeline:
    at: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class DefineScoring:
    rules: RuleSet
    at: str


LeadCommand = (
    CaptureLead
    | DescribeLead
    | MoveLead
    | FollowPipeline
    | AssignLead
    | WinLead
    | LoseLead
    | ReopenLead
    | MergeLead
    | AbsorbLead
    | UnmergeLead
    | ReleaseLead
    | NoteLead
    | ReportVisit
    | JudgeLead
)
PipelineCommand = DefinePipeline | ChangePipeline | RetirePipeline
ScoringCommand = DefineScoring
