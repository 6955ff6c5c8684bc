"""Routing by score: an earlier rule takes over what came to its points; partners and their kind."""

from typing import Any

import pytest

from services.leads.commands import AssignLead
from services.leads.decider import LEAD, ROUTING
from services.leads.decider.routing import NO_RULE, NOBODY
from services.leads.events import LeadAssigned
from services.leads.routes import (
    DefineRouting,
    LeadRouted,
    LeadUnrouted,
    Member,
    RepresentativeLeft,
    Route,
    RouteLead,
    RoutingDefined,
)
from tests.leads.examples import captured, known
from tests.leads.given import given
from tests.records import at

AT = at(4)
RULES = (
    Route("hottest", owner="best", score_at_least=80),
    Route("hot", team="seniors", score_at_least=50, products=("CHAIR-7",)),
    Route("rest", team="all"),
)
TEAMS = {"seniors": (Member("s"), Member("t")), "all": (Member("a"), Member("b"), Member("s"))}
DEFINED = RoutingDefined(1, RULES, TEAMS, at=AT)


def asks(**facts: Any) -> RouteLead:
    usual = {
        "pipeline": "sales",
        "kind": "sales",
        "source": "/web",
        "channel": "web",
        "product": "CHAIR-7",
    }
    return RouteLead(lead="l1", at=AT, **(usual | facts))


def to(owner: str, rule: str, team: str | None = None, score: int | None = None) -> LeadRouted:
    return LeadRouted("l1", owner, rule, 1, team, score, at=AT)


def test_a_rule_that_asks_for_points_does_not_hold_when_a_lead_begins() -> None:
    given(ROUTING, DEFINED).when(asks()).then(to("a", "rest", "all"))
    alone = RoutingDefined(1, RULES[:1], {}, at=AT)
    given(ROUTING, alone).when(asks()).then(LeadUnrouted("l1", NO_RULE, 1, at=AT))


@pytest.mark.parametrize(
    ("score", "owner", "rule", "team", "least"),
    [
        (50, "s", "hot", "seniors", 50),
        (79, "s", "hot", "seniors", 50),
        (80, "best", "hottest", None, 80),
    ],
)
def test_once_it_has_them_the_first_rule_that_holds_takes_it_over(
    score: int, owner: str, rule: str, team: str | None, least: int
) -> None:
    again = asks(score=score, owner="a", rule="rest")
    given(ROUTING, DEFINED).when(again).then(to(owner, rule, team, least))


def test_other_conditions_of_the_rule_hold_too() -> None:
    again = asks(score=50, product="TABLE-1", owner="a", rule="rest")
    given(ROUTING, DEFINED).when(again).then_nothing()


def test_a_later_rule_than_the_one_it_has_its_owner_by_takes_nothing() -> None:
    given(ROUTING, DEFINED).when(asks(score=50, owner="best", rule="hottest")).then_nothing()
    given(ROUTING, DEFINED).when(asks(score=50, owner="t", rule="hot")).then_nothing()


def test_a_rule_that_is_gone_stands_behind_all_others() -> None:
    again = asks(score=80, owner="x", rule="gone")
    given(ROUTING, DEFINED).when(again).then(to("best", "hottest", None, 80))


def test_who_is_of_the_team_already_keeps_it() -> None:
    given(ROUTING, DEFINED).when(asks(score=60, owner="s", rule="rest")).then_nothing()


def test_where_nobody_of_the_team_is_there_who_has_it_keeps_it() -> None:
    away = [RepresentativeLeft(who, at=AT) for who in ("s", "t")]
    there = given(ROUTING, DEFINED, *away)
    there.when(asks(score=60, owner="a", rule="rest")).then_nothing()
    there.when(asks(score=60)).then(LeadUnrouted("l1", NOBODY, 1, "hot", at=AT))


def test_one_without_an_owner_goes_where_any_rule_says() -> None:
    given(ROUTING, DEFINED).when(asks(score=60)).then(to("s", "hot", "seniors", 50))
    given(ROUTING, DEFINED).when(asks(score=60, product=None)).then(to("a", "rest", "all"))


@pytest.mark.parametrize("points", [0, -1, 1_000_001])
def test_points_out_of_bounds_are_named(points: int) -> None:
    rules = (Route("hot", owner="best", score_at_least=points),)
    there = given(ROUTING).when(DefineRouting(rules=rules, teams={}, at=AT))
    there.refused("out_of_range", "/rules/0/score_at_least")


def test_a_partner_gets_no_lead_of_a_pipeline_that_is_not_for_partners() -> None:
    rules = (
        Route("mixed", team="mixed"),
        Route("old", owner="partner:1"),
        Route("ours", owner="a"),
    )
    teams = {"mixed": (Member("partner:2", 9), Member("a"))}
    there = given(ROUTING, RoutingDefined(1, rules, teams, at=AT))
    there.when(asks()).then(to("a", "ours"))
    there.when(asks(kind="partner")).then(to("partner:2", "mixed", "mixed"))


def test_by_score_a_partner_gets_leads_of_pipelines_for_partners() -> None:
    rules = (Route("theirs", owner="partner:1", score_at_least=50, pipelines=("resale",)),)
    there = given(ROUTING, RoutingDefined(1, rules, {}, at=AT))
    asked = asks(score=50, pipeline="resale", kind="partner")
    there.when(asked).then(to("partner:1", "theirs", None, 50))


def test_a_rule_for_a_partner_names_its_pipelines() -> None:
    rules = (Route("p", owner="partner:1"), Route("q", team="mixed"))
    define = DefineRouting(rules=rules, teams={"mixed": (Member("partner:2"),)}, at=AT)
    for number in range(2):
        pointer = f"/rules/{number}/pipelines"
        given(ROUTING).when(define).refused("partner_pipelines", pointer)


def test_the_rule_by_which_somebody_has_a_lead_is_kept_and_forgotten_by_hand() -> None:
    by_rule = LeadAssigned("a", "rule rest", None, "rest", at=AT)
    given(LEAD, captured()).when(
        AssignLead(owner="a", reason="rule rest", rule="rest", at=AT)
    ).then(by_rule)
    assert known(by_rule).rule == "rest"
    assert known(by_rule, LeadAssigned("b", "She knows them.", "a", at=AT)).rule is None
