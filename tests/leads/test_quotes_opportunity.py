"""Opportunities: every rule by which they are described, and what the lead gets of them."""

from dataclasses import replace
from typing import Any

import pytest
from msgspec import UNSET

from services.leads.catalogue.pricing import Line, price
from services.leads.commands import DescribeLead
from services.leads.quotes.decider import OPPORTUNITY
from services.leads.quotes.decider.opportunity import for_lead, stream_of
from services.leads.quotes.events import Content, OpportunityDescribed, Person
from tests.leads.examples import JANE, LOST, ME, MERGED, OTHER, WON
from tests.leads.given import given
from tests.leads.goods import catalogue
from tests.leads.quoting import LINES, MORE, TODAY, describe, lead
from tests.records import at

PEOPLE = (Person("decides", JANE), Person("blocks", name="Mr. No", note="Wants another colour"))
CONTENT = Content(
    lines=LINES,
    priced=price(catalogue(), LINES, TODAY),
    amount=9900,
    currency="EUR",
    categories={"KETTLE": "kitchen", "TEA": "kitchen"},
)
DESCRIBED = OpportunityDescribed(
    *(ME, CONTENT, ("lines", "priced", "amount", "currency", "categories")), at=at(2)
)
DAY = "2026-03-31"
EMPTY: dict[str, Any] = {"lines": (), "price_list": None}


def test_its_lines_come_to_an_amount_by_a_version_of_a_price_list() -> None:
    given(OPPORTUNITY).when(describe()).then(DESCRIBED)
    assert CONTENT.priced is not None
    assert (CONTENT.priced.price_list, CONTENT.priced.version) == ("standard", 3)


def test_what_differs_is_named_and_what_differs_in_nothing_is_no_news() -> None:
    given(OPPORTUNITY, DESCRIBED).when(describe()).then_nothing()
    given(OPPORTUNITY).when(describe(**EMPTY)).then_nothing()
    more = describe(
        people=PEOPLE, next_step="Call", organisation=OTHER, expected_close="2026-03-31"
    )
    events = OPPORTUNITY.decide(given(OPPORTUNITY, DESCRIBED).state, more)
    [event] = events
    assert event.changed == ("people", "organisation", "expected_close", "next_step")
    assert (event.lines, event.people) == (2, 0)
    less = describe(lines=LINES[:1])
    [later] = OPPORTUNITY.decide(given(OPPORTUNITY, DESCRIBED, *events).state, less)
    assert (later.lines, later.people) == (2, 2)
    assert later.content.people == ()


def test_without_a_price_list_lines_have_no_amounts_and_there_may_be_an_estimate() -> None:
    plain = describe(price_list=None, amount=500000, currency="EUR")
    [event] = OPPORTUNITY.decide(given(OPPORTUNITY).state, plain)
    assert (event.content.priced, event.content.amount) == (None, 500000)
    assert event.content.categories == {"KETTLE": "kitchen", "TEA": "kitchen"}


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        ({"amount": 1, "currency": "EUR"}, "priced", "/amount"),
        ({"people": (Person("uses"),)}, "required", "/people/0"),
        ({"people": (Person("uses", "jane"),)}, "subject", "/people/0/subject"),
        ({"people": (Person("uses", name=" "),)}, "blank", "/people/0/name"),
        ({"people": PEOPLE * 26}, "out_of_range", "/people"),
        ({"organisation": "Acme"}, "subject", "/organisation"),
        ({"expected_close": "soon"}, "day", "/expected_close"),
        ({"next_step": ""}, "blank", "/next_step"),
        ({"lines": (Line("NONE", 1),)}, "unknown_sku", "/lines/0/sku"),
        ({"lines": (Line("CUP", 0),)}, "out_of_range", "/lines/0/quantity"),
        (EMPTY | {"amount": 5}, "currency_missing", "/currency"),
        (EMPTY | {"lines": (Line("NONE", 1),)}, "unknown_sku", "/lines/0/sku"),
        (EMPTY | {"lines": (Line("CUP", 0),)}, "out_of_range", "/lines/0/quantity"),
        (EMPTY | {"lines": (Line("CUP", 1, 10_001),)}, "out_of_range", "/lines/0/discount"),
        (EMPTY | {"lines": (Line("CUP", 1, 0, 5),)}, "price_list_missing", "/lines/0/price"),
        (EMPTY | {"lines": (Line("CUP", 1),) * 201}, "out_of_range", "/lines"),
    ],
)
def test_what_is_wrong_is_pointed_to(changes: dict[str, Any], code: str, pointer: str) -> None:
    given(OPPORTUNITY).when(describe(**changes)).refused(code, pointer)


@pytest.mark.parametrize(
    ("end", "code"), [(WON, "lead_won"), (LOST, "lead_lost"), (MERGED, "lead_merged")]
)
def test_that_of_a_closed_lead_stays_as_it_is(end: Any, code: str) -> None:
    given(OPPORTUNITY, DESCRIBED).when(describe(state=lead(end))).refused(code)


def test_the_lead_gets_its_amount_day_and_product() -> None:
    state = given(OPPORTUNITY).state
    told = for_lead(state, describe(expected_close="2026-03-31"))
    wanted: dict[str, Any] = {"product": "KETTLE", "amount": 9900, "currency": "EUR"}
    assert told == DescribeLead(at=at(2), expected_close="2026-03-31", **wanted)
    lines = (Line("CUP", 1), *MORE)
    assert for_lead(state, describe(lines=lines)).product == "KETTLE"


def test_what_it_never_said_is_left_as_the_lead_has_it() -> None:
    told = for_lead(given(OPPORTUNITY).state, describe(**EMPTY, people=PEOPLE))
    assert told == DescribeLead(at=at(2))
    assert told.amount is UNSET


def test_what_it_says_no_more_is_taken_from_the_lead() -> None:
    told = for_lead(given(OPPORTUNITY, DESCRIBED).state, describe(**EMPTY))
    assert (told.amount, told.currency, told.product) == (None, None, None)
    assert told.expected_close is UNSET


def test_a_lead_has_one_opportunity() -> None:
    assert stream_of(ME) == stream_of(ME) != stream_of(OTHER)
    again = replace(describe(), at=at(9))
    given(OPPORTUNITY, DESCRIBED).when(again).then_nothing()
