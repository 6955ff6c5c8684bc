"""The rules of scoring: what they must be made of, and that every change is a version."""

from typing import Any

import pytest
from msgspec.structs import replace

from services.leads.commands import DefineScoring
from services.leads.decider import SCORING
from services.leads.decider.scoring import STREAM
from services.leads.defaults import scoring
from services.leads.events import (
    Condition,
    EngagementRule,
    FitRule,
    Interest,
    Prequalification,
    RuleSet,
    ScoringDefined,
    Thresholds,
)
from services.leads.states import Scored
from tests.contracts.examples import written
from tests.leads.examples import RULES
from tests.leads.given import given
from tests.records import at

DEFINED = ScoringDefined(1, RULES, at=at(1))


def define(rules: RuleSet = RULES, **changes: Any) -> DefineScoring:
    return DefineScoring(rules=replace(rules, **changes), at=at(1))


def fit(**changes: Any) -> DefineScoring:
    """The second rule of fit is another one."""
    wanted: dict[str, Any] = {"id": "x", "points": 1, "on": "trait", "trait": "employees"}
    return define(fit=(RULES.fit[0], FitRule(**(wanted | changes))))


def engagement(**changes: Any) -> DefineScoring:
    """The rule of engagement is another one."""
    wanted: dict[str, Any] = {"id": "x", "points": 1, "type": "page.viewed"}
    return define(engagement=(EngagementRule(**(wanted | changes)),), caps={})


def test_rules_are_defined() -> None:
    given(SCORING).when(define()).then(DEFINED)


def test_the_same_rules_again_are_no_news() -> None:
    given(SCORING, DEFINED).when(define()).then_nothing()


def test_every_change_is_a_version_with_an_epoch_of_its_own() -> None:
    changed = ScoringDefined(2, replace(RULES, hot=60), at=at(7))
    given(SCORING, DEFINED).when(DefineScoring(rules=changed.rules, at=at(7))).then(changed)
    assert SCORING.fold([DEFINED, changed]) == Scored(2, changed.rules, at(7))


def test_rules_may_be_of_fit_or_of_engagement_alone() -> None:
    only_fit, only_engagement = define(engagement=(), caps={}), define(fit=())
    given(SCORING).when(only_fit).then(ScoringDefined(1, only_fit.rules, at=at(1)))
    given(SCORING).when(only_engagement).then(ScoringDefined(1, only_engagement.rules, at=at(1)))


def test_no_rules_at_all_are_refused() -> None:
    given(SCORING).when(define(fit=(), engagement=(), caps={})).refused("no_rules", "")


@pytest.mark.parametrize("half_life", [0, -30, 3651])
def test_nothing_is_divided_by_nothing(half_life: int) -> None:
    given(SCORING).when(define(half_life=half_life)).refused("out_of_range", "/half_life")


def test_a_half_life_is_whole_days() -> None:
    given(SCORING).when(define(half_life=1.5)).refused("whole_number", "/half_life")


@pytest.mark.parametrize("grades", [(30, 60, 10), (60, 60, 10), (60, 30, 30), (1, 2, 3)])
def test_grades_descend(grades: tuple[int, int, int]) -> None:
    command = define(thresholds=Thresholds(*grades))
    given(SCORING).when(command).refused("not_descending", "/thresholds")


def test_points_and_thresholds_have_bounds() -> None:
    too_high = define(thresholds=Thresholds(10**6 + 1, 2, 1), hot=-(10**6) - 1)
    given(SCORING).when(too_high).refused("out_of_range", "/thresholds/a")
    given(SCORING).when(too_high).refused("out_of_range", "/hot")
    given(SCORING).when(engagement(points=10**6 + 1)).refused(
        "out_of_range", "/engagement/0/points"
    )


@pytest.mark.parametrize(
    ("wrong", "part"),
    [
        ({"type": ""}, "type"),
        ({"type": "  "}, "type"),
        ({"channel": ""}, "channel"),
        ({"purpose": ""}, "purpose"),
        ({"product": " "}, "product"),
    ],
)
def test_a_rule_of_engagement_that_never_matches_is_refused(
    wrong: dict[str, str], part: str
) -> None:
    given(SCORING).when(engagement(**wrong)).refused("never_matches", f"/engagement/0/{part}")


@pytest.mark.parametrize(
    ("wrong", "part"),
    [
        ({"trait": None}, "trait"),
        ({"trait": " "}, "trait"),
        ({"values": ("GB", " ")}, "values/1"),
        ({"least": 5, "most": 4}, "most"),
    ],
)
def test_a_rule_of_fit_that_never_matches_is_refused(wrong: dict[str, Any], part: str) -> None:
    given(SCORING).when(fit(**wrong)).refused("never_matches", f"/fit/1/{part}")


@pytest.mark.parametrize(
    ("wrong", "code", "part"),
    [
        ({"on": "country"}, "not_a_trait", "trait"),
        ({"values": ("5",), "least": 5}, "values_and_bounds", "values"),
        ({"points": 0}, "no_points", "points"),
        ({"points": 1.5}, "whole_number", "points"),
        ({"id": "Home Country"}, "name", "id"),
        ({"id": "home"}, "duplicate", "id"),
        ({"group": ""}, "blank", "group"),
    ],
)
def test_a_wrong_rule_of_fit_is_refused_by_its_field(
    wrong: dict[str, Any], code: str, part: str
) -> None:
    given(SCORING).when(fit(**wrong)).refused(code, f"/fit/1/{part}")


def test_rules_of_fit_and_engagement_share_their_names() -> None:
    given(SCORING).when(engagement(id="home")).refused("duplicate", "/engagement/0/id")


def test_points_may_be_taken() -> None:
    command = engagement(points=-10)
    given(SCORING).when(command).then(ScoringDefined(1, command.rules, at=at(1)))


@pytest.mark.parametrize(
    ("caps", "code", "pointer"),
    [
        ({"looking": 0}, "out_of_range", "/caps/looking"),
        ({"shouting": 5}, "unknown_group", "/caps/shouting"),
        ({"a/b": 5}, "unknown_group", "/caps/a~1b"),
    ],
)
def test_a_cap_is_positive_and_of_a_group_that_is_there(
    caps: dict[str, int], code: str, pointer: str
) -> None:
    given(SCORING).when(define(caps=caps)).refused(code, pointer)


def test_the_cap_of_all_is_positive() -> None:
    given(SCORING).when(define(cap=0)).refused("out_of_range", "/cap")


def test_more_rules_than_anybody_can_read_are_refused() -> None:
    many = tuple(EngagementRule(f"r{number}", 1, "page.viewed") for number in range(501))
    given(SCORING).when(define(engagement=many, caps={})).refused("out_of_range", "")


def test_there_is_one_stream() -> None:
    assert STREAM[14] == "8"  # a hashed UUID


def test_the_rules_that_there_are_from_the_start_are_right() -> None:
    command = scoring(at(0))
    given(SCORING).when(command).then(ScoringDefined(1, command.rules, at=at(0)))
    assert {rule.type for rule in command.rules.engagement} <= written("interactions").keys()


# --- interest, and prequalification


def prequalify(*conditions: Condition, **bounds: Any) -> DefineScoring:
    return define(prequalify=Prequalification(conditions, **bounds))


KNOWN = Condition("known", "company")


def test_rules_may_open_leads_and_say_which_are_worth_it() -> None:
    wanted = define(interest=Interest(30), prequalify=Prequalification((KNOWN,), 10, 90))
    given(SCORING).when(wanted).then(ScoringDefined(1, wanted.rules, at=at(1)))


@pytest.mark.parametrize(
    ("command", "code", "pointer"),
    [
        (define(interest=Interest(0)), "out_of_range", "/interest/points"),
        (define(interest=Interest(9, "No Name")), "name", "/interest/pipeline"),
        (
            define(engagement=(EngagementRule("x", -1, "y"),), caps={}, interest=Interest(1)),
            *("never_matches", "/interest"),
        ),
        (prequalify(), "no_conditions", "/prequalify"),
        (prequalify(KNOWN, KNOWN), "duplicate", "/prequalify/conditions/1/id"),
        (
            prequalify(Condition("least", "company")),
            *("duplicate", "/prequalify/conditions/0/id"),
        ),
        (
            prequalify(Condition("x", "trait")),
            *("never_matches", "/prequalify/conditions/0/trait"),
        ),
        (
            prequalify(Condition("x", "trait", "size", least=9, most=8)),
            *("never_matches", "/prequalify/conditions/0/most"),
        ),
        (
            prequalify(Condition("x", "country", values=(" ",))),
            *("never_matches", "/prequalify/conditions/0/values/0"),
        ),
        (prequalify(least=9, most=8), "never_matches", "/prequalify/most"),
        (prequalify(least=101), "never_matches", "/prequalify/least"),  # the cap is 100
        (prequalify(most=10**9), "out_of_range", "/prequalify/most"),
    ],
)
def test_rules_of_them_that_never_hold_are_refused(
    command: DefineScoring, code: str, pointer: str
) -> None:
    given(SCORING).when(command).refused(code, pointer)
