"""Interest in products, and what must hold of a lead: examples with a known answer."""

from typing import Any

import pytest
from msgspec.structs import replace

from services.leads.events import Condition, EngagementRule, Interest, Prequalification
from services.leads.scoring import UNIT, Happening, Person, Wanting, unmet, wanting
from services.leads.states import Scored
from tests.leads.examples import RULES
from tests.leads.test_scoring import DAY, on_day
from tests.records import at


def wanted(*happenings: Happening, day: float = 0, points: int = 20) -> Wanting | None:
    rules = replace(RULES, interest=Interest(points))
    return wanting(Scored(1, rules, at(0)), happenings, at(day * DAY))


def looks(*days: float, product: str = "K") -> list[Happening]:
    return [on_day(day, "product.viewed", product=product) for day in days]


def test_interest_is_what_happened_about_one_product() -> None:
    one, other = looks(0, 0.5)
    assert wanted(one, day=1) is None
    found = wanted(one, other, day=0.5, points=19)
    assert found is not None
    assert (found.product, found.last) == ("K", other)
    assert wanted(one, other._replace(product="L"), day=0.5, points=19) is None


def test_it_fades_with_the_half_life() -> None:
    some = looks(0, 0.1, 0.2)
    assert wanted(*some, day=0.2) is not None
    assert wanted(*some, day=60) is None


def test_caps_do_not_hold_it_back() -> None:
    """The group is capped at 25 points; each look gives 10."""
    found = wanted(*looks(0, 0, 0, 0), points=40)
    assert found is not None
    assert found.units == 40 * UNIT


def test_of_several_products_the_one_that_comes_to_most() -> None:
    found = wanted(*looks(0, 0, 0, product="A"), *looks(0, 0, 0, 0, product="B"))
    assert found is not None
    assert found.product == "B"


def test_what_is_about_no_product_is_no_interest() -> None:
    assert wanted(*(on_day(0) for _ in range(9))) is None


def test_a_rule_may_count_for_one_product_alone() -> None:
    rule = EngagementRule("k", 30, "product.viewed", product="K")
    rules = replace(RULES, engagement=(rule,), caps={}, interest=Interest(30))
    for product, is_wanted in (("K", True), ("L", False)):
        found = wanting(Scored(1, rules, at(0)), looks(0, product=product), at(0))
        assert (found is not None) == is_wanted


def test_without_a_rule_of_interest_there_is_none() -> None:
    assert wanting(Scored(1, RULES, at(0)), looks(0, 0, 0), at(0)) is None


_WANTED = Prequalification(
    (
        Condition("known", "company"),
        Condition("near", "country", values=("NL", "BE")),
        Condition("big", "trait", "employees", least=10),
    ),
    least=20,
    most=90,
)


@pytest.mark.parametrize(
    ("who", "points", "failed"),
    [
        (Person({"employees": 10}, "Doe", "nl"), 20, ()),
        (Person({"employees": 9}, "Doe", "BE"), 90, ("big",)),
        (Person({}, None, "FR"), 19, ("known", "near", "big", "least")),
        (Person({"employees": 10}, "Doe", "NL"), 91, ("most",)),
    ],
)
def test_what_does_not_hold_is_named(who: Person, points: int, failed: Any) -> None:
    rules = replace(RULES, prequalify=_WANTED)
    assert unmet(rules, who, points * UNIT) == failed
    assert unmet(RULES, who, points * UNIT) is None
