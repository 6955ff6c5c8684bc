"""How leads end, and how they are taken up again."""

import pytest

from services.leads.commands import (
    LoseLead,
    ReopenLead,
    WinLead,
)
from services.leads.decider import LEAD
from services.leads.events import (
    LeadReopened,
    LeadWon,
)
from tests.leads.examples import (
    CHANGED,
    LOST,
    MOVED,
    RETIRED,
    SALES,
    WON,
    captured,
    pipeline,
)
from tests.leads.given import given
from tests.records import at


def test_a_lead_is_won_for_an_amount() -> None:
    command = WinLead(amount=4990, currency="EUR", at=at(3))
    given(LEAD, captured()).when(command).then(WON)


def test_a_lead_is_won_for_its_own_amount() -> None:
    there = captured(amount=4990, currency="EUR")
    given(LEAD, there).when(WinLead(at=at(3))).then(WON)
    given(LEAD, there).when(WinLead(amount=10, at=at(3))).then(LeadWon("new", 10, "EUR", at=at(3)))


@pytest.mark.parametrize(
    ("wrong", "code", "pointer"),
    [
        ({}, "required", "/amount"),
        ({"amount": 1}, "currency_missing", "/currency"),
        ({"currency": "EUR"}, "amount_missing", "/amount"),
        ({"amount": 1, "currency": "NONE"}, "unknown_currency", "/currency"),
        ({"amount": 1.25, "currency": "EUR"}, "minor_units", "/amount"),
    ],
)
def test_a_lead_is_not_won_for_nothing(wrong: dict[str, object], code: str, pointer: str) -> None:
    given(LEAD, captured()).when(WinLead(**wrong, at=at(3))).refused(code, pointer)  # type: ignore[arg-type]


def test_the_same_win_is_no_news_and_another_is_refused() -> None:
    won = given(LEAD, captured(), WON)
    won.when(WinLead(at=at(4))).then_nothing()
    won.when(WinLead(amount=4990, currency="EUR", at=at(4))).then_nothing()
    won.when(WinLead(amount=5000, at=at(4))).refused("lead_won")


def test_a_lead_is_lost_for_a_reason_of_its_pipeline() -> None:
    command = LoseLead(pipeline=SALES, reason="price", competitor="Pots & Co", at=at(3))
    given(LEAD, captured()).when(command).then(LOST)
    given(LEAD, captured(), LOST).when(command).then_nothing()


def test_a_reason_of_no_pipeline_is_refused() -> None:
    command = LoseLead(pipeline=SALES, reason="weather", at=at(3))
    given(LEAD, captured()).when(command).refused("unknown_reason", "/reason")


def test_a_competitor_has_a_name() -> None:
    command = LoseLead(pipeline=SALES, reason="price", competitor="", at=at(3))
    given(LEAD, captured()).when(command).refused("blank", "/competitor")


@pytest.mark.parametrize("end", [WON, LOST])
def test_a_closed_lead_is_reopened_where_it_was(end: object) -> None:
    command = ReopenLead(pipeline=SALES, reason="they called back", at=at(4))
    reopened = LeadReopened("new", 1, "they called back", at=at(4))
    given(LEAD, captured(), end).when(command).then(reopened)
    given(LEAD, captured(), end, reopened).when(command).then_nothing()


def test_a_lead_is_reopened_in_what_took_the_place_of_its_stage() -> None:
    command = ReopenLead(pipeline=pipeline(CHANGED), reason="they called back", at=at(6))
    given(LEAD, captured(), MOVED, LOST).when(command).then(
        LeadReopened("talking", 2, "they called back", at=at(6))
    )


def test_no_lead_is_reopened_in_a_retired_pipeline() -> None:
    command = ReopenLead(pipeline=pipeline(RETIRED), reason="they called back", at=at(6))
    given(LEAD, captured(), WON).when(command).refused("pipeline_retired", "/pipeline")


def test_to_reopen_needs_a_reason() -> None:
    command = ReopenLead(pipeline=SALES, reason="", at=at(4))
    given(LEAD, captured(), WON).when(command).refused("blank", "/reason")
