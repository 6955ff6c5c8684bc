"""A pipeline, leads in it, rules of scoring: what examples begin with."""

from typing import Any

from services.leads.commands import CaptureLead, DefinePipeline
from services.leads.decider import LEAD, PIPELINE
from services.leads.events import (
    EngagementRule,
    FitRule,
    LeadCaptured,
    LeadInquired,
    LeadLost,
    LeadMerged,
    LeadMoved,
    LeadWon,
    PipelineChanged,
    PipelineDefined,
    PipelineRetired,
    RuleSet,
    Stage,
    Thresholds,
)
from services.leads.states import Known, Pipeline, Unknown
from tests.records import at, subject

JANE, JOHN = subject("user:shop:42"), subject("user:shop:43")

STAGES = (
    Stage("new", 5, ("contacted", "offer")),
    Stage("contacted", 20, ("offer",), ("owner",), days=14),
    Stage("offer", 60, ("contacted",), ("amount", "fields.budget")),
)
REASONS = ("price", "no answer")

DEFINED = PipelineDefined("sales", "sales", STAGES, REASONS, at=at(0))
RETIRED = PipelineRetired("sales", "not sold any more", at=at(5))
CHANGED = PipelineChanged(
    "sales",
    2,
    (Stage("new", 5, ("talking",)), Stage("talking", 30, ("new",))),
    REASONS,
    {"contacted": "talking", "offer": "talking"},
    at=at(4),
)


def pipeline(*events: Any) -> Pipeline:
    """The pipeline of the examples, after these further events."""
    return PIPELINE.fold([DEFINED, *events])


SALES = pipeline()


def partner() -> Pipeline:
    """Another pipeline."""
    return PIPELINE.fold([PipelineDefined("partner", "partner", STAGES, REASONS, at=at(0))])


def define(**changes: Any) -> DefinePipeline:
    wanted = {"name": "sales", "kind": "sales", "stages": STAGES, "reasons": REASONS, "at": at(0)}
    return DefinePipeline(**(wanted | changes))


_JANE = {"subject": JANE, "source": "/web/shop", "channel": "web", "title": "Kettles", "at": at(1)}


def capture(**changes: Any) -> CaptureLead:
    """Jane asks for kettles."""
    return CaptureLead(**({"pipeline": SALES, **_JANE} | changes))


def captured(**changes: Any) -> LeadCaptured:
    """Jane asked for kettles."""
    begun: dict[str, Any] = {"pipeline": "sales", "revision": 1, "stage": "new", **_JANE}
    return LeadCaptured(**(begun | changes))


def inquired(**changes: Any) -> LeadInquired:
    """Jane asked again."""
    return LeadInquired(**(_JANE | changes))


ME, OTHER = "00000000-0000-7000-8000-000000000001", "00000000-0000-7000-8000-000000000002"

MOVED = LeadMoved("new", "contacted", 1, "called", at=at(2))
WON = LeadWon("new", 4990, "EUR", at=at(3))
LOST = LeadLost("new", "price", "Pots & Co", at=at(3))
MERGED = LeadMerged(OTHER, "the same person", at=at(3))


def known(*events: Any) -> Known:
    """What is known of Jane's lead after these."""
    state = LEAD.fold([captured(), *events])
    assert not isinstance(state, Unknown)
    return state.lead


def ending(end: object) -> str:
    """How a lead ended, as problems say it."""
    return type(end).__name__.removeprefix("Lead").lower()


RULES = RuleSet(
    fit=(
        FitRule("home", 5, "country", values=("GB", "IE")),
        FitRule("big", 20, "trait", trait="employees", least=50),
    ),
    engagement=(
        EngagementRule("quote", 30, "quote.requested"),
        EngagementRule("look", 10, "product.viewed", group="looking"),
        EngagementRule("sales-call", 15, "call.received", channel="phone", purpose="sales"),
    ),
    half_life=30,
    thresholds=Thresholds(60, 30, 10),
    hot=50,
    caps={"looking": 25},
    cap=100,
)
