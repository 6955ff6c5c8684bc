"""What is planned: goals, and the rules by which commissions are paid."""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from services.leads.events import Fact

Kind = Literal["all", "representative", "team", "pipeline", "source", "product"]
"""Whose goal: everybody's, one's own, a team's, a programme's."""

Measure = Literal[
    "won_amount", "won", "new", "revenue", "new_customers", "calls", "visits", "proposals"
]
PeriodKind = Literal["month", "quarter", "year"]
Role = Literal["owner", "captured", "quoted", "assigned"]


class Aim(Struct, frozen=True, omit_defaults=True):
    """What a goal is about; no two goals are about the same.

    `name` of the representative, team or programme, none of all; `first` is the first day of the
    period; amounts are in `currency` (ISO 4217), counts have none.
    """

    kind: Kind
    measure: Measure
    period: PeriodKind
    first: str
    name: str = ""
    currency: str | None = None


class GoalSet(Fact, frozen=True):
    """There is a goal: to come to the target, a count or minor units."""

    aim: Aim
    target: int


class GoalChanged(Fact, frozen=True):
    """The target is another one."""

    target: int
    reason: str = ""


class GoalRetired(Fact, frozen=True):
    """It is a goal no more."""

    reason: str = ""


class Share(Struct, frozen=True):
    """What those get who had a part in a lead, in hundredths of a percent of the commission."""

    role: Role
    share: int


class CommissionRule(Struct, frozen=True, omit_defaults=True):
    """What is paid for a lead that is won, where every condition given holds.

    `rate` in hundredths of a percent of what it was won for, or a fixed `amount` in minor units of
    `currency`. Conditions: the pipeline and product are one of these, it was won for at least
    `least` minor units of `least_currency`.
    """

    id: str
    shares: tuple[Share, ...]
    rate: int | None = None
    amount: int | None = None
    currency: str | None = None
    pipelines: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    least: int | None = None
    least_currency: str | None = None


class CommissionsDefined(Fact, frozen=True):
    """Leads that are won from now on are paid by these rules: by each one that holds."""

    version: int
    rules: tuple[CommissionRule, ...]


GoalEvent = GoalSet | GoalChanged | GoalRetired

GOAL_EVENTS: Mapping[str, type[GoalEvent]] = {
    "goal.set": GoalSet,
    "goal.changed": GoalChanged,
    "goal.retired": GoalRetired,
}
COMMISSION_EVENTS: Mapping[str, type[CommissionsDefined]] = {
    "commissions.defined": CommissionsDefined
}
