"""What comes of a subscription: a lead to renew it, or to win the customer back."""

from typing import Any

import pytest
from msgspec.structs import replace

from services.leads.commands import CaptureLead, LoseLead, WinLead
from services.leads.decider import LEAD, PIPELINE
from services.leads.decider.pipeline import stream_of
from services.leads.defaults import pipelines
from services.leads.events import LeadCaptured, LeadLost, LeadWon
from services.leads.states import Lost, Open
from shared.deciding.policies import Reaction
from shared.errors import NotFound, Problem, Unprocessable
from shared.projection import Event
from tests.contracts.examples import written
from tests.leads.examples import JANE, ME, captured
from tests.leads.test_policies import POLICY, event
from tests.records import at

PIPELINES = {
    stream_of(command.name): PIPELINE.fold(PIPELINE.decide(PIPELINE.initial, command))
    for command in pipelines(at(0))
}
DUE: dict[str, Any] = {"subscription": "s-7", "term": "P1Y", "due": "2026-03-01"}


def reaction(there: Event, scope: str) -> Reaction:
    """What is wanted of the open lead of a pipeline."""
    [found] = [each for each in POLICY.react(there) or [] if each.scope == scope]
    return found


def beginning(there: Event) -> Reaction:
    return (POLICY.react(there) or [])[-1]


def begun(there: Event) -> LeadCaptured:
    wanted = beginning(there).command(PIPELINES)
    assert isinstance(wanted, CaptureLead)
    [found] = LEAD.decide(LEAD.initial, wanted)
    assert isinstance(found, LeadCaptured)
    return found


def test_a_subscription_that_is_due_is_a_lead_to_renew_it() -> None:
    there = event("subscription.due", **DUE, amount=990, currency="EUR", seconds=5)
    found = begun(there)
    assert beginning(there).scope == "open/renewal"
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
    found = reaction(there, "open/renewal")
    assert (found.scope, found.subjects) == ("open/renewal", (JANE,))
    wanted = found.command({})
    assert wanted == WinLead(amount=1200, currency="EUR", at=at(9))
    lead = LEAD.fold([captured(pipeline="renewal")])
    assert LEAD.decide(lead, wanted) == [LeadWon("new", 1200, "EUR", at=at(9))]


def test_without_an_amount_it_is_won_for_the_lead_s_own() -> None:
    there = event("subscription.renewed", subscription="s-7", seconds=9)
    wanted = reaction(there, "open/renewal").command({})
    lead = LEAD.fold([captured(amount=990, currency="EUR")])
    assert LEAD.decide(lead, wanted) == [LeadWon("new", 990, "EUR", at=at(9))]
    with pytest.raises(Unprocessable):
        LEAD.decide(LEAD.fold([captured()]), wanted)


def test_where_no_lead_is_open_there_is_none_to_win() -> None:
    there = event("subscription.renewed", subscription="s-7")
    wanted = reaction(there, "open/renewal").command({})
    with pytest.raises(NotFound):
        LEAD.decide(LEAD.initial, wanted)


RENEWAL = PIPELINES[stream_of("renewal")]


def of(number: str = "s-7", seconds: float = 3, pipeline: str = "renewal") -> Open:
    """A lead of a subscription, as it stands open."""
    lead = LEAD.fold([captured(pipeline=pipeline, fields={"subscription": number}, at=at(seconds))])
    assert isinstance(lead, Open)
    return lead


def test_a_cancellation_loses_the_renewal_that_does_not_come() -> None:
    there = event("subscription.cancelled", subscription="s-7", seconds=9)
    wanted = reaction(there, "open/renewal").command(PIPELINES | {"open/renewal": of()})
    assert wanted == LoseLead(pipeline=RENEWAL, reason="cancelled", at=at(9))
    assert LEAD.decide(of(), wanted) == [LeadLost("new", "cancelled", at=at(9))]


@pytest.mark.parametrize(
    ("lead", "code"),
    [
        (of("s-8"), "another_subscription"),
        (LEAD.fold([captured(pipeline="renewal")]), "another_subscription"),
        (of(seconds=10), "happened_before"),
        (Lost(of().lead, "price"), "lead_lost"),
        (LEAD.initial, "unknown_lead"),
    ],
)
def test_it_loses_no_other(lead: Any, code: str) -> None:
    there = event("subscription.cancelled", subscription="s-7", seconds=9)
    with pytest.raises(Problem) as refused:
        reaction(there, "open/renewal").command(PIPELINES | {"open/renewal": lead})
    assert refused.value.code == code


def test_a_cancellation_that_names_no_subscription_loses_none() -> None:
    found = reaction(event("subscription.cancelled", seconds=9), "open/renewal")
    with pytest.raises(Problem, match="another subscription"):
        found.command(PIPELINES | {"open/renewal": of()})


def late(seconds: float) -> Reaction:
    """Jane's lead to renew a subscription begins, by what happened then."""
    body = captured(pipeline="renewal", owner="7", fields={"subscription": "s-7"}, at=at(seconds))
    envelope = replace(event("subscription.due").envelope, stream=ME)
    [found] = POLICY.react(Event(None, envelope, body)) or []  # type: ignore[arg-type]
    return found


def test_a_lead_to_renew_what_was_cancelled_since_is_lost_as_soon_as_it_begins() -> None:
    known = PIPELINES | {"open/win-back": of(seconds=9, pipeline="win-back")}
    found = late(3)
    assert (found.stream, found.scope) == (ME, None)
    assert found.command(known) == LoseLead(pipeline=RENEWAL, reason="cancelled", at=at(9))


def test_what_is_due_after_it_was_cancelled_is_asked_for_anew() -> None:
    for back in (of(seconds=9, pipeline="win-back"), of("s-8", 20, "win-back"), LEAD.initial):
        with pytest.raises(Problem):
            late(10).command(PIPELINES | {"open/win-back": back})


def test_a_renewal_after_the_cancellation_wins_the_customer_back() -> None:
    there = event("subscription.renewed", **DUE, amount=1200, currency="EUR", seconds=9)
    found = reaction(there, "open/win-back")
    known = {"open/win-back": of(pipeline="win-back")}
    assert found.command(known) == WinLead(amount=1200, currency="EUR", at=at(9))
    for back in (of("s-8"), of(seconds=10), LEAD.initial):
        with pytest.raises(Problem):
            found.command({"open/win-back": back})


def test_only_a_renewal_is_lost_for_being_cancelled() -> None:
    sales = PIPELINES[stream_of("sales")]
    wanted = LoseLead(pipeline=sales, reason="cancelled", at=at(9))
    with pytest.raises(Unprocessable) as refused:
        LEAD.decide(LEAD.fold([captured()]), wanted)
    assert [each.pointer for each in refused.value.errors] == ["/reason"]


@pytest.mark.parametrize(
    "type_", ["subscription.due", "subscription.cancelled", "subscription.renewed"]
)
def test_it_reads_what_the_door_writes(type_: str) -> None:
    assert type_ in written("interactions")
