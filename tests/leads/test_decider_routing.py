"""Routing: the first rule that holds, then whose turn it is among those who are there with room."""

from collections import Counter
from typing import Any

from hypothesis import given as examples
from hypothesis import strategies as st

from services.leads.decider import ROUTING
from services.leads.decider.routing import NO_RULE, NOBODY
from services.leads.routes import (
    DefineRouting,
    LeadLeft,
    LeadRouted,
    LeadUnrouted,
    Leave,
    LetLeadGo,
    Member,
    Ordered,
    RepresentativeLeft,
    RepresentativeReturned,
    Return,
    Route,
    RouteLead,
    RoutingDefined,
)
from tests.leads.given import given

AT = "2026-11-02T10:00:00.000000Z"
NORTH = (Member("a", 5), Member("b"), Member("c"))
RULES = (
    Route("partners", owner="partner:12", pipelines=("partner",)),
    Route("north", team="north", countries=("NL", "BE"), postcodes=("10", "2")),
    Route("chairs", team="chairs", products=("CHAIR-7",), sources=("/web/",)),
)
TEAMS = {"north": NORTH, "chairs": (Member("d", capacity=1),)}
DEFINED = RoutingDefined(1, RULES, TEAMS, at=AT)


def asks(lead: str = "l1", **facts: Any) -> RouteLead:
    known = {"pipeline": "sales", "source": "/web/form", "channel": "web", "at": AT}
    kind = "partner" if facts.get("pipeline") == "partner" else "sales"
    return RouteLead(lead=lead, **(known | {"kind": kind} | facts))


def to(owner: str, rule: str, team: str | None = None, lead: str = "l1") -> LeadRouted:
    return LeadRouted(lead, owner, rule, 1, team, at=AT)


def test_the_first_rule_that_holds_decides() -> None:
    ready = given(ROUTING, DEFINED)
    ready.when(asks(pipeline="partner", product="CHAIR-7")).then(to("partner:12", "partners"))
    ready.when(asks(product="CHAIR-7")).then(to("d", "chairs", "chairs"))


def test_every_condition_of_a_rule_holds_in_any_case_of_letters() -> None:
    ready = given(ROUTING, DEFINED)
    there = {"country": "nl", "postcode": "1011 AB"}
    ready.when(asks(fields=there)).then(to("a", "north", "north"))
    ready.when(asks(fields=there | {"postcode": "3500"})).then(
        LeadUnrouted("l1", NO_RULE, 1, at=AT)
    )
    ready.when(asks(source="/shop/till", product="CHAIR-7")).then(
        LeadUnrouted("l1", NO_RULE, 1, at=AT)
    )


def test_turns_come_by_weight_and_evenly_spread() -> None:
    state = ROUTING.fold([DEFINED])
    turns = []
    for number in range(14):
        [event] = ROUTING.decide(
            state, asks(f"l{number}", fields={"country": "NL", "postcode": "1"})
        )
        assert isinstance(event, LeadUnrouted)
        [event] = ROUTING.decide(
            state, asks(f"l{number}", fields={"country": "NL", "postcode": "2"})
        )
        assert isinstance(event, LeadRouted)
        turns.append(event.owner)
        state = ROUTING.evolve(state, event)
    assert "".join(turns) == "aabacaa" * 2


def test_nobody_gets_more_open_leads_than_fit_until_one_is_let_go() -> None:
    full = given(ROUTING, DEFINED, to("d", "chairs", "chairs"))
    full.when(asks("l2", product="CHAIR-7")).then(LeadUnrouted("l2", NOBODY, 1, "chairs", at=AT))
    full.when(LetLeadGo(lead="l1", at=AT)).then(LeadLeft("l1", at=AT))
    given(ROUTING, DEFINED, to("d", "chairs", "chairs"), LeadLeft("l1", at=AT)).when(
        asks("l2", product="CHAIR-7")
    ).then(to("d", "chairs", "chairs", "l2"))


def test_nothing_goes_to_whom_is_away() -> None:
    left = RepresentativeLeft("a", "holiday", at=AT)
    away = given(ROUTING, DEFINED, left)
    away.when(asks(fields={"country": "BE", "postcode": "2000"})).then(to("b", "north", "north"))
    away.when(Leave(representative="a", at=AT)).then_nothing()
    away.when(Return(representative="a", at=AT)).then(RepresentativeReturned("a", at=AT))
    given(ROUTING, DEFINED).when(Return(representative="a", at=AT)).then_nothing()
    given(ROUTING).when(Leave(representative="a", at=AT)).refused("no_routing")


def test_a_lead_is_routed_once_and_let_go_only_to_somebody_else() -> None:
    routed = given(ROUTING, DEFINED, to("d", "chairs", "chairs"))
    routed.when(asks(product="CHAIR-7")).then_nothing()
    routed.when(LetLeadGo(lead="l1", owner="d", at=AT)).then_nothing()
    routed.when(LetLeadGo(lead="l1", owner="a", at=AT)).then(LeadLeft("l1", at=AT))
    routed.when(LetLeadGo(lead="l9", at=AT)).then_nothing()


def test_without_rules_nothing_is_routed() -> None:
    given(ROUTING).when(asks()).then_nothing()
    given(ROUTING).when(LetLeadGo(lead="l1", at=AT)).then_nothing()


def test_rules_that_change_are_another_version_and_turns_go_on() -> None:
    more = {**TEAMS, "south": (Member("e"),)}
    first = given(ROUTING, DEFINED)
    first.when(DefineRouting(rules=RULES, teams=TEAMS, at=AT)).then_nothing()
    first.when(DefineRouting(rules=RULES, teams=more, at=AT)).then(
        RoutingDefined(2, RULES, more, at=AT)
    )
    state = ROUTING.fold(
        [DEFINED, to("a", "north", "north"), RoutingDefined(2, RULES, more, at=AT)]
    )
    assert isinstance(state, Ordered)
    assert state.credits["north"] == {"a": -2, "b": 1, "c": 1}
    assert state.given == {}  # there is room without end


def test_rules_that_make_no_sense_are_refused_where_they_are_wrong() -> None:
    def defining(*rules: Route, **teams: tuple[Member, ...]) -> DefineRouting:
        return DefineRouting(rules=rules, teams=teams, at=AT)

    new = given(ROUTING)
    team = {"north": NORTH}
    new.when(defining()).refused("no_rules", "/rules")
    new.when(defining(Route("x"))).refused("team_or_owner", "/rules/0/team")
    new.when(defining(Route("x", team="north", owner="a"), **team)).refused(
        "team_or_owner", "/rules/0/team"
    )
    new.when(defining(Route("x", team="south"), **team)).refused("unknown_team", "/rules/0/team")
    new.when(defining(Route("x", owner="a"), Route("x", owner="b"))).refused(
        "duplicate", "/rules/1/id"
    )
    new.when(defining(Route("x", owner="a", countries=("NL", " ")))).refused(
        "never_matches", "/rules/0/countries/1"
    )
    new.when(defining(Route("x", owner="a"), south=())).refused("empty_team", "/teams/south")
    new.when(defining(Route("x", owner="a"), south=(Member("a"), Member("a")))).refused(
        "duplicate", "/teams/south/1/representative"
    )
    new.when(defining(Route("x", owner="a"), south=(Member("a", 0),))).refused(
        "out_of_range", "/teams/south/0/weight"
    )
    new.when(defining(Route("x", owner="a"), south=(Member("a", capacity=0),))).refused(
        "out_of_range", "/teams/south/0/capacity"
    )


@examples(
    st.lists(st.integers(1, 9), min_size=1, max_size=6),
    st.integers(1, 5),
)
def test_over_whole_rounds_everybody_gets_their_weight(weights: list[int], rounds: int) -> None:
    team = tuple(Member(f"r{n}", weight) for n, weight in enumerate(weights))
    state = ROUTING.fold([RoutingDefined(1, (Route("all", team="t"),), {"t": team}, at=AT)])
    got: Counter[str] = Counter()
    for number in range(sum(weights) * rounds):
        [event] = ROUTING.decide(state, asks(f"l{number}"))
        assert isinstance(event, LeadRouted)
        got[event.owner] += 1
        state = ROUTING.evolve(state, event)
    assert [got[f"r{n}"] for n in range(len(weights))] == [weight * rounds for weight in weights]
