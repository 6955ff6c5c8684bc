"""What a goal, and the rules of commissions, are after their events."""

from msgspec import Struct

from services.leads.planning.events import Aim, CommissionRule


class NoGoal(Struct, frozen=True, tag=True):
    """There is no such goal."""


class Aimed(Struct, frozen=True, tag=True):
    """A goal that stands."""

    aim: Aim
    target: int


class Dropped(Struct, frozen=True, tag=True):
    """A goal that was retired; it may be set again."""

    aim: Aim
    target: int


Goal = NoGoal | Aimed | Dropped


class Unpaid(Struct, frozen=True, tag=True):
    """There are no rules: nothing is paid."""


class Paid(Struct, frozen=True, tag=True):
    """The rules that stand."""

    version: int
    rules: tuple[CommissionRule, ...]


Commissions = Unpaid | Paid
