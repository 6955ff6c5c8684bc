"""The work on an open lead: what is known of it, its way through the stages, its owner."""

import pytest

from services.leads.commands import (
    AssignLead,
    DescribeLead,
    FollowPipeline,
    LoseLead,
    MoveLead,
)
from services.leads.decider import LEAD
from services.leads.events import (
    LeadAssigned,
    LeadDescribed,
    LeadLost,
    LeadMoved,
)
from tests.leads.examples import (
    CHANGED,
    MOVED,
    RETIRED,
    SALES,
    captured,
    known,
    partner,
    pipeline,
)
from tests.leads.given import given
from tests.records import at


def test_a_lead_is_described() -> None:
    said = {"title": "Pots", "product": "POT-2", "expected_close": "2026-03-31"}
    money = {"amount": 100, "currency": "GBP"}
    fields = {"budget": 12.5, "urgent": True, "people": 3, "note": "soon"}
    given(LEAD, captured()).when(
        DescribeLead(**said, **money, fields=fields, at=at(2))  # type: ignore[arg-type]
    ).then(LeadDescribed(**said, **money, fields=fields, at=at(2)))  # type: ignore[arg-type]


def test_only_what_differs_is_news() -> None:
    there = captured(product="KETTLE-1", amount=100, currency="EUR")
    same = DescribeLead(title="Kettles", product="KETTLE-1", amount=100, currency="EUR", at=at(2))
    given(LEAD, there).when(same).then_nothing()
    given(LEAD, there).when(DescribeLead(title="Kettles", product="POT-2", at=at(2))).then(
        LeadDescribed(product="POT-2", at=at(2))
    )


def test_a_field_of_ones_own_differs_by_kind_too() -> None:
    there = LeadDescribed(fields={"urgent": True, "gone": "x"}, at=at(1))
    news = DescribeLead(fields={"urgent": 1, "gone": None, "never": None}, at=at(2))
    given(LEAD, captured(), there).when(news).then(
        LeadDescribed(fields={"urgent": 1, "gone": None}, at=at(2))
    )
    told = LeadDescribed(fields={"urgent": 1, "gone": None}, at=at(2))
    assert known(there, told).fields == {"urgent": 1}


def test_an_amount_alone_is_of_the_currency_that_the_lead_has() -> None:
    there = captured(amount=100, currency="GBP")
    given(LEAD, there).when(DescribeLead(amount=200, at=at(2))).then(
        LeadDescribed(amount=200, currency="GBP", at=at(2))
    )


def test_an_amount_is_taken_away_with_its_currency() -> None:
    there = captured(amount=100, currency="GBP")
    given(LEAD, there).when(DescribeLead(amount=None, at=at(2))).then(
        LeadDescribed(amount=None, currency=None, at=at(2))
    )


def test_another_currency_alone_would_make_another_amount_of_the_same_number() -> None:
    there = captured(amount=100, currency="GBP")
    given(LEAD, there).when(DescribeLead(currency="JPY", at=at(2))).refused(
        "amount_missing", "/amount"
    )
    given(LEAD, there).when(DescribeLead(currency="GBP", at=at(2))).then_nothing()


@pytest.mark.parametrize(
    ("wrong", "code", "pointer"),
    [
        ({"title": None}, "required", "/title"),
        ({"title": ""}, "blank", "/title"),
        ({"product": ""}, "blank", "/product"),
        ({"amount": 1}, "currency_missing", "/currency"),
        ({"amount": 1, "currency": "EURO"}, "unknown_currency", "/currency"),
        ({"amount": 1.5, "currency": "EUR"}, "minor_units", "/amount"),
        ({"expected_close": "2026-02-30"}, "day", "/expected_close"),
        ({"expected_close": "20260228"}, "day", "/expected_close"),
        ({"fields": {"Shoe Size": 1}}, "field_name", "/fields/Shoe Size"),
        ({"fields": {"a/b": 1}}, "field_name", "/fields/a~1b"),
        ({"fields": {"size": float("nan")}}, "field_value", "/fields/size"),
        ({"fields": {"size": [1]}}, "field_value", "/fields/size"),
        ({"fields": {"size": 2**63}}, "field_value", "/fields/size"),
        ({"fields": {"size": " "}}, "blank", "/fields/size"),
        ({"fields": {f"f{n}": n for n in range(101)}}, "out_of_range", "/fields"),
    ],
)
def test_a_wrong_description_is_refused_by_its_field(
    wrong: dict[str, object], code: str, pointer: str
) -> None:
    command = DescribeLead(**wrong, at=at(2))  # type: ignore[arg-type]
    given(LEAD, captured()).when(command).refused(code, pointer)


def test_a_lead_moves_where_the_pipeline_allows() -> None:
    command = MoveLead(pipeline=SALES, stage="contacted", reason="called", at=at(2))
    given(LEAD, captured(owner="7")).when(command).then(MOVED)
    assert (known(MOVED).stage, known(MOVED).since) == ("contacted", at(2))


def test_to_stay_is_no_news() -> None:
    given(LEAD, captured()).when(MoveLead(pipeline=SALES, stage="new", at=at(2))).then_nothing()


def test_a_move_that_is_not_allowed_says_which_are() -> None:
    back = MoveLead(pipeline=SALES, stage="new", at=at(3))
    problem = given(LEAD, captured(), MOVED).when(back).refused("move_not_allowed", "/stage")
    assert problem.status == 409
    assert "'contacted' a lead may go to: offer" in problem.detail


def test_a_stage_that_is_not_there_is_refused() -> None:
    command = MoveLead(pipeline=SALES, stage="signing", at=at(2))
    given(LEAD, captured()).when(command).refused("unknown_stage", "/stage")


def test_a_stage_asks_for_the_fields_that_it_requires() -> None:
    command = MoveLead(pipeline=SALES, stage="offer", at=at(3))
    priced = LeadDescribed(amount=100, currency="EUR", at=at(2))
    asked = LeadDescribed(fields={"budget": 7}, at=at(2))
    given(LEAD, captured()).when(command).refused("required", "/amount")
    given(LEAD, captured()).when(command).refused("required", "/fields/budget")
    given(LEAD, captured(), priced).when(command).refused("required", "/fields/budget")
    given(LEAD, captured(), priced, asked).when(command).then(
        LeadMoved("new", "offer", 1, at=at(3))
    )


def test_a_lead_does_not_move_through_another_pipeline() -> None:
    command = MoveLead(pipeline=partner(), stage="contacted", at=at(2))
    given(LEAD, captured()).when(command).refused("other_pipeline", "/pipeline")


def test_what_is_open_in_a_retired_pipeline_is_worked_to_its_end() -> None:
    retired = pipeline(RETIRED)
    begun = captured(owner="7")
    given(LEAD, begun).when(MoveLead(pipeline=retired, stage="contacted", at=at(6))).then(
        LeadMoved("new", "contacted", 1, at=at(6))
    )
    given(LEAD, begun).when(LoseLead(pipeline=retired, reason="price", at=at(6))).then(
        LeadLost("new", "price", at=at(6))
    )


def test_a_lead_follows_the_pipeline_out_of_a_removed_stage() -> None:
    followed = LeadMoved("contacted", "talking", 2, "the pipeline changed", at=at(6))
    command = FollowPipeline(pipeline=pipeline(CHANGED), at=at(6))
    given(LEAD, captured(), MOVED).when(command).then(followed)
    given(LEAD, captured(), MOVED, followed).when(command).then_nothing()
    given(LEAD, captured()).when(command).then_nothing()


def test_a_lead_in_a_removed_stage_follows_before_it_moves() -> None:
    command = MoveLead(pipeline=pipeline(CHANGED), stage="new", reason="again", at=at(6))
    given(LEAD, captured(), MOVED).when(command).then(
        LeadMoved("contacted", "talking", 2, "the pipeline changed", at=at(6)),
        LeadMoved("talking", "new", 2, "again", at=at(6)),
    )


def test_a_reason_to_move_is_text() -> None:
    command = MoveLead(pipeline=SALES, stage="contacted", reason=" ", at=at(2))
    given(LEAD, captured(owner="7")).when(command).refused("blank", "/reason")


def test_an_assignment_keeps_its_reason() -> None:
    first, second = (
        LeadAssigned("7", "territory", at=at(2)),
        LeadAssigned("8", "ill", "7", at=at(3)),
    )
    given(LEAD, captured()).when(AssignLead(owner="7", reason="territory", at=at(2))).then(first)
    given(LEAD, captured(), first).when(AssignLead(owner="8", reason="ill", at=at(3))).then(second)
    assert known(first, second).owner == "8"


def test_the_same_owner_is_no_news() -> None:
    command = AssignLead(owner="7", reason="again", at=at(3))
    given(LEAD, captured(owner="7")).when(command).then_nothing()


@pytest.mark.parametrize(
    ("owner", "reason", "pointer"), [("", "x", "/owner"), ("7", "", "/reason")]
)
def test_an_assignment_needs_both(owner: str, reason: str, pointer: str) -> None:
    command = AssignLead(owner=owner, reason=reason, at=at(2))
    given(LEAD, captured()).when(command).refused("blank", pointer)
