"""Scores: examples with a known answer, and the laws that hold for all."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from services.leads.events import EngagementRule, FitRule, RuleSet, Thresholds
from services.leads.scoring import (
    UNIT,
    Happening,
    Person,
    Score,
    decayed,
    engagement,
    grade,
    microseconds,
    present,
    score,
    stored,
)
from services.leads.states import Scored
from tests.leads.examples import RULES
from tests.records import at

DAY = 86_400
NOBODY = Person()


def on_day(day: float, type_: str = "quote.requested", **about: Any) -> Happening:
    return Happening(f"{type_}-{day}", type_, at(day * DAY), **about)


def scored(*happenings: Happening, day: float = 0, who: Person = NOBODY, **rules: Any) -> Score:
    """The score on a day, by the rules of the examples with these changes."""
    return score(Scored(3, replace(RULES, **rules), at(0)), happenings, who, at(day * DAY))


def test_ten_points_at_a_half_life_of_thirty_days_are_five_after_thirty_days() -> None:
    look = on_day(0, "product.viewed")
    assert scored(look, day=0).points == 10
    assert scored(look, day=30).points == 5
    assert scored(look, day=60).points == 2.5
    assert scored(look, day=15).points == pytest.approx(7.0710678, abs=2**-20)


def test_a_score_explains_every_point() -> None:
    found = scored(on_day(0), on_day(10, "product.viewed"), day=30, who=Person({}, None, "gb"))
    assert (found.version, found.at) == (3, at(30 * DAY))
    home, quote, look = found.parts
    assert (home.kind, home.rule, home.points, home.found) == ("fit", "home", 5, "gb")
    assert (quote.rule, quote.event, quote.given, quote.age) == (
        *("quote", "quote.requested-0", 30, 30),
    )
    assert quote.points == 15
    assert (look.rule, look.age, look.at) == ("look", 20, at(10 * DAY))
    assert home.points + quote.points + look.points == found.points


def test_what_happens_later_does_not_count_yet() -> None:
    assert scored(on_day(0), on_day(2), day=1).units == scored(on_day(0), day=1).units
    assert scored(on_day(1), day=1).points == 30


def test_all_rules_that_match_count_and_conditions_must_hold() -> None:
    call = on_day(0, "call.received", channel="phone", purpose="sales")
    assert scored(call).points == 15
    assert scored(call._replace(purpose="service")).parts == []
    assert scored(call._replace(channel="web")).parts == []
    twice = (*RULES.engagement, EngagementRule("any-call", 1, "call.received"))
    assert scored(call, engagement=twice).points == 16


def test_a_rule_can_ask_for_a_product() -> None:
    rules = (EngagementRule("kettle", 7, "product.viewed", product="KETTLE-1"),)
    look = on_day(0, "product.viewed", product="KETTLE-1")
    assert scored(look, engagement=rules, caps={}).points == 7
    assert scored(look._replace(product="POT-2"), engagement=rules, caps={}).points == 0


def test_a_cap_of_a_group_is_a_part_that_takes_points_away() -> None:
    found = scored(*(on_day(0, "product.viewed", product=str(n)) for n in range(4)), on_day(0))
    [*_, cap] = found.parts
    assert (cap.kind, cap.rule, cap.points) == ("cap", "looking", -15)
    assert found.points == 25 + 30


def test_the_cap_of_all_comes_last() -> None:
    looks = (on_day(0, "product.viewed", product=str(n)) for n in range(4))
    found = scored(*looks, *(on_day(n / DAY) for n in range(4)), day=1)
    group, whole = found.parts[-2:]
    assert (group.rule, whole.kind, whole.rule) == ("looking", "cap", "")
    assert found.points == 100


@pytest.mark.parametrize(
    ("points", "expected"),
    [(60, "A"), (59.99, "B"), (30, "B"), (29.99, "C"), (10, "C"), (9.99, "D"), (-5, "D")],
)
def test_grades_begin_at_their_thresholds(points: float, expected: str) -> None:
    assert grade(RULES, int(points * UNIT)) == expected


def test_a_lead_is_hot_from_its_threshold() -> None:
    assert not scored(on_day(0)).hot
    assert scored(
        on_day(0), on_day(0, "call.received", channel="phone", purpose="sales"), hot=45
    ).hot


@pytest.mark.parametrize(
    ("rule", "who", "found"),
    [
        (FitRule("x", 1, "country", values=("GB",)), Person(country="gb"), True),
        (FitRule("x", 1, "country", values=("GB",)), Person(country="FR"), False),
        (FitRule("x", 1, "country"), Person(country="FR"), True),
        (FitRule("x", 1, "country"), Person(country=""), False),
        (FitRule("x", 1, "company"), Person(company="Acme"), True),
        (FitRule("x", 1, "company"), NOBODY, False),
        (FitRule("x", 1, "trait", "vip", values=("true",)), Person({"vip": True}), True),
        (FitRule("x", 1, "trait", "vip", values=("true",)), Person({"vip": False}), False),
        (FitRule("x", 1, "trait", "size", least=5), Person({"size": 5}), True),
        (FitRule("x", 1, "trait", "size", least=5), Person({"size": 4.9}), False),
        (FitRule("x", 1, "trait", "size", most=5), Person({"size": 5.1}), False),
        (FitRule("x", 1, "trait", "size", least=1, most=5), Person({"size": 3}), True),
        (FitRule("x", 1, "trait", "size", least=1), Person({"size": "many"}), False),
        (FitRule("x", 1, "trait", "size", least=1), Person({"size": True}), False),
        (FitRule("x", 1, "trait", "size"), Person({"size": [1]}), False),
        (FitRule("x", 1, "trait", "size"), Person({"size": None}), False),
    ],
)
def test_fit_looks_at_who_somebody_is(rule: FitRule, who: Person, found: bool) -> None:
    assert (scored(who=who, fit=(rule,)).points == 1) is found


def test_fit_does_not_age() -> None:
    assert scored(who=Person(country="GB"), day=3650).points == 5


_types = st.sampled_from([rule.type for rule in RULES.engagement])
_moments = st.floats(-400, 400).map(lambda day: at(round(day * DAY, 6)))
_happenings = st.builds(
    Happening,
    st.text("abc", min_size=1, max_size=3),
    _types,
    _moments,
    st.sampled_from(["web", "phone"]),
    st.sampled_from(["sales", "service", None]),
    st.sampled_from(["KETTLE-1", None]),
)
_points = st.integers(-100, 100).filter(bool)
_rules = st.builds(
    RuleSet,
    fit=st.just(RULES.fit),
    engagement=st.lists(
        st.builds(
            EngagementRule,
            st.sampled_from("abcdef"),
            _points,
            _types,
            channel=st.sampled_from(["web", None]),
            group=st.sampled_from(["looking", "asking"]),
        ),
        max_size=5,
        unique_by=lambda rule: rule.id,
    ).map(tuple),
    half_life=st.integers(1, 400),
    thresholds=st.just(Thresholds(60, 30, 10)),
    hot=st.just(50),
    caps=st.dictionaries(st.sampled_from(["looking", "asking", "fit"]), st.integers(1, 50)),
    cap=st.none() | st.integers(1, 80),
)
_people = st.builds(Person, st.fixed_dictionaries({"employees": st.integers(0, 99)}))
_histories = st.lists(_happenings, max_size=12)


@settings(deadline=None)
@given(_rules, _histories, _people, _moments, st.randoms(use_true_random=False))
def test_any_order_gives_the_same(
    rules: RuleSet, history: list[Happening], who: Person, moment: str, chance: random.Random
) -> None:
    standing = Scored(1, rules, at(0))
    expected = score(standing, history, who, moment)
    shuffled = [*history]
    chance.shuffle(shuffled)
    assert score(standing, shuffled, who, moment) == expected
    stands = sum(stored(standing, each) for each in history)
    assert sum(stored(standing, each) for each in shuffled) == stands


@settings(deadline=None)
@given(_rules, _histories, _people, _moments)
def test_the_points_explained_sum_to_the_score(
    rules: RuleSet, history: list[Happening], who: Person, moment: str
) -> None:
    found = score(Scored(1, rules, at(0)), history, who, moment)
    assert sum(part.units for part in found.parts) == found.units
    assert sum(part.points for part in found.parts) == found.points  # as it is shown, exactly


@settings(deadline=None)
@given(_rules, _histories, _people, _moments)
def test_caps_hold(rules: RuleSet, history: list[Happening], who: Person, moment: str) -> None:
    found = score(Scored(1, rules, at(0)), history, who, moment)
    for group, most in rules.caps.items():
        assert sum(part.units for part in found.parts if part.group == group) <= most * UNIT
    if rules.cap is not None:
        assert found.units <= rules.cap * UNIT


@settings(deadline=None)
@given(_rules, _happenings, _moments, _moments)
def test_nothing_grows_with_age(rules: RuleSet, happening: Happening, one: str, other: str) -> None:
    sooner, later = sorted((one, other))
    before = {part.rule: part for part in engagement(rules, [happening], sooner)}
    after = {part.rule: part for part in engagement(rules, [happening], later)}
    assert before.keys() <= after.keys()  # what has happened has happened
    for rule, part in after.items():
        assert part.age is not None
        assert part.age >= 0
        assert abs(part.units) <= abs(part.given) * UNIT
        assert abs(part.units) <= abs(before[rule].units if rule in before else part.units)


@settings(deadline=None)
@given(_rules, _histories, _moments)
def test_one_number_at_the_epoch_is_the_score_at_any_moment(
    rules: RuleSet, history: list[Happening], moment: str
) -> None:
    """But for rounding: to a unit at the epoch, which may be many once it has grown back."""
    standing = Scored(1, replace(rules, caps={}, cap=None), at(0))
    past = [each for each in history if each.at <= moment]
    kept = sum(stored(standing, each) for each in past)
    exact = sum(part.units for part in engagement(rules, past, moment))
    terms = len(past) * len(rules.engagement)
    grown = max(1, decayed(1, *_ages(moment, rules)))
    assert abs(present(standing, kept, moment) - exact) <= (terms + 1) * (grown + 1)


def _ages(moment: str, rules: RuleSet) -> tuple[int, int]:
    half_life = rules.half_life * DAY * 1_000_000
    return microseconds(moment) - microseconds(at(0)), half_life


@settings(deadline=None)
@given(st.integers(-(10**12), 10**12), st.integers(0, 10**15), st.integers(1, 10**15))
def test_a_half_life_halves_exactly(units: int, age: int, half_life: int) -> None:
    whole = decayed(units * 2**70, age, half_life)
    assert abs(2 * decayed(units * 2**70, age + half_life, half_life) - whole) <= 1
    assert decayed(units, 0, half_life) == units
    assert decayed(units, -half_life, half_life) == 2 * units
    assert decayed(-units, age, half_life) == -decayed(units, age, half_life)
