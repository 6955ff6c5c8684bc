"""Goals and the rules of commissions: every rule as a sentence."""

from typing import Any

import pytest
from msgspec.structs import replace

from services.leads.planning.commands import ChangeGoal, DefineCommissions, RetireGoal, SetGoal
from services.leads.planning.decider import COMMISSIONS, GOAL
from services.leads.planning.decider.goals import stream_of
from services.leads.planning.events import (
    Aim,
    CommissionRule,
    CommissionsDefined,
    GoalChanged,
    GoalRetired,
    GoalSet,
    Share,
)
from tests.leads.given import given
from tests.records import at

AIM = Aim("representative", "won_amount", "quarter", "2026-01-01", "representative:7", "EUR")
SET = GoalSet(AIM, 100, at=at(1))
RULE = CommissionRule("sales", (Share("owner", 10_000),), rate=500)


def aimed(**changes: Any) -> SetGoal:
    return SetGoal(aim=replace(AIM, **changes), target=100, at=at(1))


def test_a_goal_is_set_once() -> None:
    given(GOAL).when(aimed()).then(SET)
    given(GOAL, SET).when(aimed()).then_nothing()
    other = SetGoal(aim=AIM, target=200, at=at(2))
    given(GOAL, SET).when(other).refused("goal_set", "/target")


def test_a_goal_is_about_one_thing_alone() -> None:
    assert stream_of(AIM) == stream_of(replace(AIM))
    for changed in ({"first": "2026-04-01"}, {"name": "8"}, {"currency": "GBP"}, {"kind": "team"}):
        assert stream_of(AIM) != stream_of(replace(AIM, **changed))


def test_the_target_changes() -> None:
    change = ChangeGoal(target=300, reason="more", at=at(2))
    given(GOAL, SET).when(change).then(GoalChanged(300, "more", at=at(2)))
    given(GOAL, SET).when(ChangeGoal(target=100, at=at(2))).then_nothing()
    given(GOAL, SET).when(ChangeGoal(target=0, at=at(2))).refused("out_of_range", "/target")
    given(GOAL).when(change).refused("unknown_goal")


def test_a_goal_is_retired_and_may_be_set_again() -> None:
    retired = GoalRetired("no more", at=at(2))
    given(GOAL, SET).when(RetireGoal(reason="no more", at=at(2))).then(retired)
    given(GOAL, SET, retired).when(RetireGoal(at=at(3))).then_nothing()
    given(GOAL, SET, retired).when(ChangeGoal(target=7, at=at(3))).refused("goal_retired", "/goal")
    given(GOAL, SET, retired).when(aimed()).then(SET)
    given(GOAL).when(RetireGoal(at=at(1))).refused("unknown_goal")


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        ({"kind": "everybody"}, "unknown", "/kind"),
        ({"measure": "luck"}, "unknown", "/measure"),
        ({"period": "week"}, "unknown", "/period"),
        ({"name": ""}, "name", "/name"),
        ({"kind": "all"}, "name", "/name"),
        ({"name": "x" * 201}, "too_long", "/name"),
        ({"currency": None}, "unknown_currency", "/currency"),
        ({"currency": "EURO"}, "unknown_currency", "/currency"),
        ({"measure": "won"}, "currency", "/currency"),
        ({"first": "2026-02-01"}, "first_day", "/first"),
        ({"first": "2026-01-02"}, "first_day", "/first"),
        ({"first": "soon"}, "day", "/first"),
        ({"first": "9999-01-01"}, "out_of_range", "/first"),
    ],
)
def test_a_goal_that_is_about_nothing_is_refused(
    changes: dict[str, Any], code: str, pointer: str
) -> None:
    given(GOAL).when(aimed(**changes)).refused(code, pointer)


def rules(*some: CommissionRule) -> DefineCommissions:
    return DefineCommissions(rules=some, at=at(1))


def test_rules_of_commissions_are_versions_of_a_whole() -> None:
    first = CommissionsDefined(1, (RULE,), at=at(1))
    given(COMMISSIONS).when(rules(RULE)).then(first)
    given(COMMISSIONS, first).when(rules(RULE)).then_nothing()
    given(COMMISSIONS, first).when(rules()).then(CommissionsDefined(2, (), at=at(1)))


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        ({"id": "Not a name"}, "name", "/rules/0/id"),
        ({"rate": None}, "rate_or_amount", "/rules/0/rate"),
        ({"amount": 5, "currency": "EUR"}, "rate_or_amount", "/rules/0/rate"),
        ({"rate": 0}, "out_of_range", "/rules/0/rate"),
        ({"rate": 10_001}, "out_of_range", "/rules/0/rate"),
        ({"rate": None, "amount": 5}, "currency", "/rules/0/currency"),
        ({"rate": None, "amount": 0, "currency": "EUR"}, "out_of_range", "/rules/0/amount"),
        ({"rate": None, "amount": 5, "currency": "X"}, "unknown_currency", "/rules/0/currency"),
        ({"least": 5}, "currency", "/rules/0/least_currency"),
        ({"least": 0, "least_currency": "EUR"}, "out_of_range", "/rules/0/least"),
        ({"shares": ()}, "no_shares", "/rules/0/shares"),
        ({"shares": (Share("owner", 0),)}, "out_of_range", "/rules/0/shares/0/share"),
        (
            {"shares": (Share("owner", 9_000), Share("captured", 1_001))},
            *("out_of_range", "/rules/0/shares"),
        ),
        (
            {"shares": (Share("owner", 1), Share("owner", 1))},
            *("duplicate", "/rules/0/shares"),
        ),
        ({"pipelines": ("",)}, "blank", "/rules/0/pipelines/0"),
        ({"products": tuple("x" * 201)}, "out_of_range", "/rules/0/products"),
    ],
)
def test_a_rule_that_pays_wrongly_is_refused(
    changes: dict[str, Any], code: str, pointer: str
) -> None:
    given(COMMISSIONS).when(rules(replace(RULE, **changes))).refused(code, pointer)


def test_no_two_rules_have_one_name() -> None:
    given(COMMISSIONS).when(rules(RULE, RULE)).refused("duplicate", "/rules/1/id")
