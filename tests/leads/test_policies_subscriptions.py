"""What comes of a subscription: a lead to renew it, or to win the customer back."""

from typing import Any

import pytest

from services.leads.commands import CaptureLead, WinLead
from services.leads.decider import LEAD, PIPELINE
from services.leads.decider.pipeline import stream_of
from services.leads.defaults import pipelines
from services.leads.events import LeadCaptured, LeadWon
from shared.deciding.policies import Reaction
from shared.errors import NotFound, Unprocessable
from shared.projection import Event
from tests.contracts.examples import written
from tests.leads.examples import JANE, captured
from tests.leads.test_policies import POLICY, event
from tests.records import at

PIPELINES = {
    stream_of(command.name): PIPELINE.fold(PIPELINE.decide(PIPELINE.initial, command))
    for command in pipelines(at(0))
}
DUE: dict[str, Any] = {"subscription": "s-7", "term": "P1Y", "due": "2026-03-01"}


def reaction(there: Event) -> Reaction:
    [found] = POLICY.react(there) or []
    return found


def begun(there: Event) -> LeadCaptured:
    wanted = reaction(there).command(PIPELINES)
    assert isinstance(wanted, CaptureLead)
    [found] = LEAD.decide(LEAD.initial, wanted)
    assert isinstance(found, LeadCaptured)
    return found


def test_a_subscription_that_is_due_is_a_lead_to_renew_it() -> None:
    there = event("subscription.due", **DUE, amount=990, currency="EUR", seconds=5)
    found = begun(there)
    assert reaction(there).scope == "open/renewal"
    assert (found.pipeline, found.stage, found.title) == ("renewal", "upcoming", "Renewal: s-7")
    assert (found.amount, found.currency, found.at) == (990, "EUR", at(5))
    assert found.fields == DUE
    assert found.interaction == there.envelope.event


def test_a_cancelled_subscription_is_a_lead_to_win_the_customer_back() -> None:
    there = event("subscription.cancelled", subscription="s-7", product="TEA", reason="moved")
    found = begun(there)
    assert (found.pipeline, found.stage) == ("win-back", "lapsed")
    assert (found.title, found.product) == ("Cancelled subscription: TEA", "TEA")


@pytest.mark.parametrize("direction", ["inbound", "outbound", "internal"])
def test_it_does_not_matter_who_says_so(direction: str) -> None:
    found = begun(event("subscription.due", **DUE, direction=direction, automatic=True))
    assert found.pipeline == "renewal"


def test_nobody_s_subscription_is_no_lead() -> None:
    for type_ in ("subscription.due", "subscription.cancelled", "subscription.renewed"):
        assert POLICY.react(event(type_, identifiers=[], **DUE)) == []


def test_a_subscription_that_was_started_is_none_of_its_business() -> None:
    assert POLICY.react(event("subscription.started", **DUE)) is None


@pytest.mark.parametrize("wrong", [{"due": 7}, {"subscription": ["s"]}, {"term": " "}])
def test_what_is_of_another_kind_than_it_should_be_is_not_there(wrong: dict[str, Any]) -> None:
    found = begun(event("subscription.due", **(DUE | wrong)))
    assert found.fields == {name: DUE[name] for name in DUE.keys() - wrong.keys()}


def test_a_renewal_wins_the_open_lead_of_its_customer_for_what_is_paid() -> None:
    there = event("subscription.renewed", **DUE, amount=1200, currency="EUR", seconds=9)
    found = reaction(there)
    assert (found.scope, found.subjects) == ("open/renewal", (JANE,))
    wanted = found.command({})
    assert wanted == WinLead(amount=1200, currency="EUR", at=at(9))
    lead = LEAD.fold([captured(pipeline="renewal")])
    assert LEAD.decide(lead, wanted) == [LeadWon("new", 1200, "EUR", at=at(9))]


def test_without_an_amount_it_is_won_for_the_lead_s_own() -> None:
    wanted = reaction(event("subscription.renewed", subscription="s-7", seconds=9)).command({})
    lead = LEAD.fold([captured(amount=990, currency="EUR")])
    assert LEAD.decide(lead, wanted) == [LeadWon("new", 990, "EUR", at=at(9))]
    with pytest.raises(Unprocessable):
        LEAD.decide(LEAD.fold([captured()]), wanted)


def test_where_no_lead_is_open_there_is_none_to_win() -> None:
    wanted = reaction(event("subscription.renewed", subscription="s-7")).command({})
    with pytest.raises(NotFound):
        LEAD.decide(LEAD.initial, wanted)


@pytest.mark.parametrize(
    "type_", ["subscription.due", "subscription.cancelled", "subscription.renewed"]
)
def test_it_reads_what_the_door_writes(type_: str) -> None:
    assert type_ in written("interactions")
