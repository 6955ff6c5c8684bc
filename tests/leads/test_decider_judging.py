"""What the score of a lead comes to: told once for a version of the rules."""

from typing import Any

import pytest

from services.leads.commands import JudgeLead
from services.leads.decider import LEAD
from services.leads.events import LeadDisqualified, LeadHeated, LeadPrequalified, LeadScored
from tests.leads.examples import LOST, MERGED, WON, captured, known
from tests.leads.given import given
from tests.records import at

HEATED = LeadHeated(51.5, 1, 50, at=at(5))
FIT = LeadPrequalified(12.0, 1, at=at(5))
UNFIT = LeadDisqualified(5.0, 1, ("known", "least"), at=at(5))


def judge(points: float, version: int = 1, **changes: Any) -> JudgeLead:
    wanted: dict[str, Any] = {"hot": 50, "failed": None, "at": at(5)} | changes
    return JudgeLead(points=points, version=version, **wanted)


def test_a_lead_that_comes_to_enough_points_is_hot() -> None:
    given(LEAD, captured()).when(judge(51.5)).then(HEATED)


@pytest.mark.parametrize(("points", "is_hot"), [(49.999, False), (50.0, True), (50.001, True)])
def test_from_exactly_the_points_of_a_hot_one(points: float, is_hot: bool) -> None:
    events = LEAD.decide(given(LEAD, captured()).state, judge(points))
    assert bool(events) == is_hot


def test_it_is_told_once_for_a_version_of_the_rules() -> None:
    there = given(LEAD, captured(), HEATED)
    there.when(judge(80)).then_nothing()
    there.when(judge(80, version=2)).then(LeadHeated(80, 2, 50, at=at(5)))
    assert known(HEATED).heated == 1


def test_a_score_that_a_route_asks_for_is_told_once_and_a_higher_one_again() -> None:
    scored = LeadScored(31.0, 1, 30, "sales", at=at(5))
    given(LEAD, captured()).when(judge(31.0, asked=(20, 30, 40))).then(scored)
    there = given(LEAD, captured(), scored)
    there.when(judge(39, asked=(20, 30, 40))).then_nothing()
    there.when(judge(25, asked=(20, 30, 40))).then_nothing()
    there.when(judge(40, asked=(20, 30, 40))).then(LeadScored(40, 1, 40, "sales", at=at(5)))
    assert known(scored).reached == 30


def test_by_rules_that_stand_no_more_nothing_is_told() -> None:
    newer = LeadHeated(80, 2, 50, at=at(5))
    given(LEAD, captured(), newer).when(judge(80, version=1)).then_nothing()


def test_one_of_whom_all_holds_is_worth_working_on() -> None:
    given(LEAD, captured()).when(judge(12, failed=())).then(FIT)


def test_of_one_that_is_not_it_is_said_what_failed() -> None:
    given(LEAD, captured()).when(judge(5, failed=("known", "least"))).then(UNFIT)


def test_another_answer_is_news_and_the_same_is_none() -> None:
    there = given(LEAD, captured(), UNFIT)
    there.when(judge(4, failed=("known", "least"))).then_nothing()
    there.when(judge(12, failed=())).then(FIT)
    there.when(judge(12, failed=("known",))).then(LeadDisqualified(12, 1, ("known",), at=at(5)))
    given(LEAD, captured(), FIT).when(judge(12, 2, failed=())).then(
        LeadPrequalified(12, 2, at=at(5))
    )
    assert (known(UNFIT).judged, known(UNFIT).failed) == (1, ("known", "least"))
    assert known(UNFIT, FIT).failed == ()


def test_without_rules_of_prequalification_there_is_no_answer() -> None:
    given(LEAD, captured()).when(judge(5)).then_nothing()


def test_both_may_be_told_at_once() -> None:
    given(LEAD, captured()).when(judge(51.5, failed=())).then(
        HEATED, LeadPrequalified(51.5, 1, at=at(5))
    )


@pytest.mark.parametrize(
    ("end", "code"), [(WON, "lead_won"), (LOST, "lead_lost"), (MERGED, "lead_merged")]
)
def test_a_lead_that_is_closed_is_not_judged(end: Any, code: str) -> None:
    given(LEAD, captured(), end).when(judge(80)).refused(code)
    given(LEAD).when(judge(80)).refused("unknown_lead")
