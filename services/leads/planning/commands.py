"""What may be asked of goals and of the rules of commissions; `at` is when."""

from dataclasses import dataclass

from services.leads.planning.events import Aim, CommissionRule


@dataclass(frozen=True, kw_only=True)
class SetGoal:
    """The target is a count, or minor units of the aim's currency."""

    aim: Aim
    target: int
    at: str


@dataclass(frozen=True, kw_only=True)
class ChangeGoal:
    target: int
    at: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class RetireGoal:
    at: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class DefineCommissions:
    rules: tuple[CommissionRule, ...]
    at: str


GoalCommand = SetGoal | ChangeGoal | RetireGoal
