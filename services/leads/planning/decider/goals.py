"""Goals: what they are about, what they come to, how they end."""

from collections.abc import Sequence
from datetime import date
from typing import assert_never, get_args

from services.leads.bounds import LARGEST, SHORT
from services.leads.currencies import CURRENCIES
from services.leads.decider.checks import Wrong, conflict, day, refuse, text, whole
from services.leads.planning.commands import ChangeGoal, GoalCommand, RetireGoal, SetGoal
from services.leads.planning.events import (
    Aim,
    GoalChanged,
    GoalEvent,
    GoalRetired,
    GoalSet,
    Kind,
    Measure,
    PeriodKind,
)
from services.leads.planning.states import Aimed, Dropped, Goal, NoGoal
from shared.errors import FieldError, NotFound
from shared.ids import event_id

OF_MONEY = frozenset({"won_amount", "revenue"})
"""The measures that have a currency."""

MONTHS = {"month": 1, "quarter": 3, "year": 12}


def stream_of(aim: Aim) -> str:
    """The stream of the goal that is about this: one alone."""
    parts = (aim.kind, aim.name, aim.measure, aim.currency or "", aim.period, aim.first)
    return event_id("goal", "\0".join(parts))


def decide(state: Goal, command: GoalCommand) -> Sequence[GoalEvent]:
    match command:
        case SetGoal():
            return set_(state, command)
        case ChangeGoal():
            return change(state, command)
        case RetireGoal():
            return retire(state, command)
        case _:
            assert_never(command)


def set_(state: Goal, command: SetGoal) -> Sequence[GoalEvent]:
    refuse([*_wrong_aim(command.aim), *whole(command.target, "/target", 1, LARGEST)])
    match state:
        case NoGoal() | Dropped():
            return [GoalSet(command.aim, command.target, at=command.at)]
        case Aimed(target=target):
            if target == command.target:
                return []
            detail = f"This goal is set, with the target {target}: change it."
            raise conflict("/target", "goal_set", detail)
        case _:
            assert_never(state)


def change(state: Goal, command: ChangeGoal) -> Sequence[GoalEvent]:
    refuse(
        [
            *whole(command.target, "/target", 1, LARGEST),
            *text(command.reason or None, "/reason", SHORT),
        ]
    )
    if _aimed(state).target == command.target:
        return []
    return [GoalChanged(command.target, command.reason, at=command.at)]


def retire(state: Goal, command: RetireGoal) -> Sequence[GoalEvent]:
    refuse(text(command.reason or None, "/reason", SHORT))
    if isinstance(state, Dropped):
        return []
    _aimed(state)
    return [GoalRetired(command.reason, at=command.at)]


def evolve(state: Goal, event: GoalEvent) -> Goal:
    match event:
        case GoalSet():
            return Aimed(event.aim, event.target)
        case GoalChanged():
            return Aimed(_aimed(state).aim, event.target)
        case GoalRetired():
            stood = _aimed(state)
            return Dropped(stood.aim, stood.target)
        case _:
            assert_never(event)


def _aimed(state: Goal) -> Aimed:
    match state:
        case NoGoal():
            raise NotFound("There is no such goal.", code="unknown_goal")
        case Dropped():
            raise conflict("/goal", "goal_retired", "This goal is retired; set it again.")
        case Aimed():
            return state
        case _:
            assert_never(state)


def _wrong_aim(aim: Aim) -> Wrong:
    yield from _wrong_name(aim)
    for value, pointer, known in (
        (aim.measure, "/measure", get_args(Measure)),
        (aim.period, "/period", get_args(PeriodKind)),
        (aim.kind, "/kind", get_args(Kind)),
    ):
        if value not in known:
            yield FieldError(pointer, "unknown", f"One of {', '.join(known)}.")
    yield from _wrong_currency(aim)
    yield from _wrong_first(aim)


def _wrong_name(aim: Aim) -> Wrong:
    yield from text(aim.name or None, "/name")
    if (aim.kind == "all") == bool(aim.name):
        detail = "A goal of all has no name, and every other one has one."
        yield FieldError("/name", "name", detail)


def _wrong_currency(aim: Aim) -> Wrong:
    if aim.measure in OF_MONEY:
        if aim.currency not in CURRENCIES:
            detail = "An amount is in a currency of ISO 4217, such as EUR."
            yield FieldError("/currency", "unknown_currency", detail)
    elif aim.currency is not None:
        yield FieldError("/currency", "currency", "A count has no currency.")


def _wrong_first(aim: Aim) -> Wrong:
    wrong = [*day(aim.first, "/first")]
    yield from wrong
    if wrong or aim.period not in MONTHS:
        return
    first = date.fromisoformat(aim.first)
    if first.day != 1 or (first.month - 1) % MONTHS[aim.period]:
        yield FieldError("/first", "first_day", f"The first day of a {aim.period}.")
    if not 1900 <= first.year <= 9900:
        yield FieldError("/first", "out_of_range", "A year from 1900 to 9900.")
