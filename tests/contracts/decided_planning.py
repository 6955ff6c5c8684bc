"""One event of every type that is decided about plans, with everything in it."""

from typing import Any

from services.leads.planning.decider.goals import stream_of
from services.leads.planning.decider.rules import STREAM
from services.leads.planning.events import (
    Aim,
    CommissionRule,
    CommissionsDefined,
    GoalChanged,
    GoalRetired,
    GoalSet,
    Share,
)
from tests.records import at

AIM = Aim("representative", "won_amount", "quarter", "2026-01-01", "representative:7", "EUR")
_GOAL = stream_of(AIM)
_RULE = CommissionRule(
    "sales",
    (Share("owner", 8_000), Share("captured", 2_000)),
    rate=500,
    pipelines=("sales",),
    products=("KETTLE-1",),
    least=1_000,
    least_currency="EUR",
)
_BONUS = CommissionRule("bonus", (Share("assigned", 10_000),), amount=100, currency="GBP")

EVENTS: dict[str, tuple[str, str, Any]] = {
    "goal.set": (_GOAL, _GOAL, GoalSet(AIM, 500_000, at=at(1))),
    "goal.changed": (_GOAL, _GOAL, GoalChanged(600_000, "one more colleague", at=at(2))),
    "goal.retired": (_GOAL, _GOAL, GoalRetired("another one instead", at=at(3))),
    "commissions.defined": (STREAM, STREAM, CommissionsDefined(1, (_RULE, _BONUS), at=at(1))),
}
"""By type: the stream, the partition key, the event."""
