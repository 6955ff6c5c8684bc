"""How leads begin, and what further inquiries add."""

import pytest

from services.leads.decider import LEAD
from services.leads.events import (
    LeadAssigned,
    LeadDescribed,
)
from services.leads.states import Open, Undefined
from shared.messages import Identifier
from tests.leads.examples import (
    CHANGED,
    JANE,
    JOHN,
    LOST,
    MERGED,
    OTHER,
    RETIRED,
    WON,
    capture,
    captured,
    ending,
    inquired,
    known,
    partner,
    pipeline,
)
from tests.leads.given import given
from tests.records import at


def test_a_lead_begins_in_the_first_stage() -> None:
    given(LEAD).when(capture()).then(captured())


def test_a_lead_keeps_what_came_with_it() -> None:
    came = {
        "identifiers": (Identifier("user", "42", "shop", JANE),),
        "product": "KETTLE-1",
        "amount": 4990,
        "currency": "EUR",
        "interaction": OTHER,
        "owner": "7",
    }
    given(LEAD).when(capture(**came)).then(captured(**came))
    lead = LEAD.fold([captured(**came)])
    assert isinstance(lead, Open)
    assert (lead.lead.identifiers, lead.lead.owner) == (came["identifiers"], "7")


def test_it_says_which_revision_of_the_pipeline_it_began_in() -> None:
    given(LEAD).when(capture(pipeline=pipeline(CHANGED))).then(captured(revision=2))


def test_a_second_inquiry_joins_the_lead_that_is_open() -> None:
    again = {"title": "Pots", "subject": JOHN, "at": at(9)}
    given(LEAD, captured()).when(capture(**again)).then(inquired(**again))
    assert known(inquired(**again)).inquiries == 2
    assert known(inquired(**again)).subject == JANE


def test_an_inquiry_tells_what_was_not_known() -> None:
    brings = {"product": "POT-2", "amount": 100, "currency": "GBP", "at": at(9)}
    given(LEAD, captured()).when(capture(**brings, owner="7")).then(
        inquired(**brings),
        LeadDescribed(product="POT-2", amount=100, currency="GBP", at=at(9)),
        LeadAssigned("7", "with the inquiry", at=at(9)),
    )


def test_an_inquiry_takes_nothing_back() -> None:
    there = captured(product="KETTLE-1", amount=4990, currency="EUR", owner="3")
    brings = {"product": "POT-2", "amount": 100, "currency": "GBP", "at": at(9)}
    given(LEAD, there).when(capture(**brings, owner="7")).then(inquired(**brings))


def test_an_inquiry_brings_fields_that_were_not_known() -> None:
    there = captured(fields={"size": 1})
    given(LEAD, there).when(capture(fields={"size": 2, "city": "Leeds"}, at=at(9))).then(
        inquired(at=at(9)), LeadDescribed(fields={"city": "Leeds"}, at=at(9))
    )


def test_an_inquiry_never_brings_more_fields_than_a_lead_may_have() -> None:
    there = captured(fields={f"a{number}": number for number in range(99)})
    full = captured(fields={f"a{number}": number for number in range(100)})
    more = capture(fields={"b": 1, "c": 2}, at=at(9))
    given(LEAD, there).when(more).then(inquired(at=at(9)), LeadDescribed(fields={"b": 1}, at=at(9)))
    given(LEAD, full).when(more).then(inquired(at=at(9)))


def test_an_inquiry_for_another_pipeline_does_not_join() -> None:
    asked = capture(pipeline=partner())
    given(LEAD, captured()).when(asked).refused("other_pipeline", "/pipeline")


def test_an_inquiry_joins_what_is_open_in_a_retired_pipeline() -> None:
    given(LEAD, captured()).when(capture(pipeline=pipeline(RETIRED))).then(inquired())


def test_no_lead_begins_in_a_retired_pipeline() -> None:
    asked = capture(pipeline=pipeline(RETIRED))
    given(LEAD).when(asked).refused("pipeline_retired", "/pipeline")


def test_no_lead_begins_in_a_pipeline_that_is_not_there() -> None:
    given(LEAD).when(capture(pipeline=Undefined())).refused("unknown_pipeline")


@pytest.mark.parametrize(
    ("wrong", "code", "pointer"),
    [
        ({"title": "  "}, "blank", "/title"),
        ({"title": "x" * 201}, "too_long", "/title"),
        ({"title": "a\0"}, "character", "/title"),
        ({"title": "a\ud800"}, "character", "/title"),
        ({"fields": {"Size": 1}}, "field_name", "/fields/Size"),
        ({"fields": {f"f{n}": n for n in range(101)}}, "out_of_range", "/fields"),
        ({"source": ""}, "blank", "/source"),
        ({"subject": ""}, "blank", "/subject"),
        ({"channel": ""}, "blank", "/channel"),
        ({"owner": ""}, "blank", "/owner"),
        ({"product": "x" * 201}, "too_long", "/product"),
        ({"amount": 1}, "currency_missing", "/currency"),
        ({"currency": "EUR"}, "amount_missing", "/amount"),
        ({"amount": 1, "currency": "EURO"}, "unknown_currency", "/currency"),
        ({"amount": 1, "currency": "XXQ"}, "unknown_currency", "/currency"),
        ({"amount": 49.9, "currency": "EUR"}, "minor_units", "/amount"),
        ({"amount": True, "currency": "EUR"}, "minor_units", "/amount"),
        ({"amount": -1, "currency": "EUR"}, "out_of_range", "/amount"),
        ({"amount": 10**15 + 1, "currency": "EUR"}, "out_of_range", "/amount"),
    ],
)
def test_a_wrong_capture_is_refused_by_its_field(
    wrong: dict[str, object], code: str, pointer: str
) -> None:
    given(LEAD).when(capture(**wrong)).refused(code, pointer)
    given(LEAD, captured()).when(capture(**wrong)).refused(code, pointer)


@pytest.mark.parametrize("end", [WON, LOST, MERGED])
def test_a_closed_lead_is_not_captured_again(end: object) -> None:
    given(LEAD, captured(), end).when(capture()).refused(f"lead_{ending(end)}")
