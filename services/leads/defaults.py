"""What there is from the first start, and operators may change: pipelines, rules of scoring."""

from services.leads.commands import DefinePipeline, DefineScoring
from services.leads.events import EngagementRule, Interest, RuleSet, Stage, Thresholds

LOST = ("price", "competitor", "no need", "no budget", "bad timing", "no answer")
"""Reasons to lose a lead that every pipeline begins with."""


def pipelines(at: str) -> tuple[DefinePipeline, ...]:
    """The pipelines sales, partner, renewal and win-back, defined at that moment."""
    return (
        DefinePipeline(name="sales", kind="sales", stages=_SALES, reasons=LOST, at=at),
        DefinePipeline(
            name="partner", kind="partner", stages=_PARTNER, reasons=(*LOST, "declined"), at=at
        ),
        DefinePipeline(name="renewal", kind="renewal", stages=_RENEWAL, reasons=LOST, at=at),
        DefinePipeline(name="win-back", kind="win-back", stages=_WIN_BACK, reasons=LOST, at=at),
    )


def scoring(at: str) -> DefineScoring:
    """Rules of engagement alone: who fits is for each business to say."""
    return DefineScoring(rules=_RULES, at=at)


_SALES = (
    Stage("new", 5, ("contacted", "qualified"), days=3),
    Stage("contacted", 10, ("new", "qualified"), ("owner",), days=14),
    Stage("qualified", 25, ("contacted", "proposal"), ("owner", "product"), days=21),
    Stage("proposal", 50, ("qualified", "negotiation"), ("owner", "amount"), days=30),
    Stage("negotiation", 75, ("proposal",), ("owner", "amount", "expected_close"), days=30),
)
_PARTNER = (
    Stage("offered", 10, ("accepted",), days=7),
    Stage("accepted", 30, ("offered", "proposal"), ("owner",), days=30),
    Stage("proposal", 60, ("accepted",), ("owner", "amount"), days=30),
)
_RENEWAL = (
    Stage("upcoming", 70, ("contacted",), days=60),
    Stage("contacted", 75, ("upcoming", "offered"), ("owner",), days=30),
    Stage("offered", 85, ("contacted",), ("owner", "amount"), days=30),
)
_WIN_BACK = (
    Stage("lapsed", 5, ("contacted",), days=90),
    Stage("contacted", 15, ("lapsed", "offered"), ("owner",), days=30),
    Stage("offered", 35, ("contacted",), ("owner", "amount"), days=30),
)

_RULES = RuleSet(
    fit=(),
    engagement=(
        EngagementRule("quote", 30, "quote.requested", group="asking"),
        EngagementRule("information", 15, "information.requested", group="asking"),
        EngagementRule("form", 15, "form.submitted", group="asking"),
        EngagementRule("sales-call", 20, "call.received", purpose="sales", group="talking"),
        EngagementRule("sales-visit", 20, "store.visited", purpose="sales", group="talking"),
        EngagementRule("product", 3, "product.viewed", group="looking"),
        EngagementRule("page", 1, "page.viewed", group="looking"),
        EngagementRule("opened", 1, "email.opened", group="reading"),
        EngagementRule("clicked", 5, "email.clicked", group="reading"),
        EngagementRule("complained", -20, "email.complained", group="reading"),
    ),
    half_life=30,
    thresholds=Thresholds(60, 30, 10),
    hot=50,
    caps={"looking": 20, "reading": 20},
    interest=Interest(30),
)
