"""Follow-ups: what events of leads and interactions ask for."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.leads import inbound
from services.leads.consumers import decided
from services.leads.decider import LEAD
from services.leads.follow_ups.commands import EndFollowUps, HandOver, Interact, ReachStage
from services.leads.follow_ups.completing import BY_KIND, OURS, THEIRS
from services.leads.follow_ups.decider import FOLLOW_UP, PLAYBOOK
from services.leads.follow_ups.decider.follow_up import PREFIX, stream_of
from services.leads.follow_ups.decider.playbook import STREAM
from services.leads.follow_ups.policies import REACT
from shared.deciding.policies import Reaction, Target
from shared.projection import Event
from tests.contracts.decided import EVENTS, LEAD_STREAM
from tests.contracts.examples import written
from tests.leads.examples import JANE, MOVED
from tests.leads.following import lead, playbook
from tests.records import at, record, subject

EMAIL = subject("email:jane@x")


def event(type_: str, *who: str, **fields: Any) -> Event:
    made = record(type_, *(who or ("user:shop:42",)), id="1", **fields)
    return inbound.interaction(made)


def asked(event: Event) -> list[Reaction]:
    return [*(REACT[type(event.body)](event) or ())]


def ours(type_: str) -> Event:
    """One of our own events, as the contracts have it."""
    return decided(written("leads")[type_])


@pytest.mark.parametrize("type_", ["lead.captured", "lead.moved", "lead.reopened"])
def test_a_lead_that_comes_into_a_stage_reaches_it(type_: str) -> None:
    happened = ours(type_)
    [reaction] = asked(happened)
    assert (reaction.decider, reaction.stream) == (FOLLOW_UP, stream_of(LEAD_STREAM))
    assert reaction.partitionkey == JANE
    assert reaction.needs == (Target(LEAD, LEAD_STREAM), Target(PLAYBOOK, STREAM))
    command = reaction.command({LEAD_STREAM: lead(), STREAM: playbook()})
    assert command == ReachStage(
        lead=LEAD_STREAM,
        known=lead(),
        playbook=playbook(),
        stage=EVENTS[type_][2].stage,
        begins=type_ == "lead.captured",
        recorded=happened.envelope.recordedtime,
        at=happened.envelope.time,
    )


def test_one_that_is_a_lead_of_its_own_again_comes_into_the_stage_that_it_is_in() -> None:
    [reaction] = asked(ours("lead.unmerged"))
    command = reaction.command({LEAD_STREAM: lead(MOVED), STREAM: playbook()})
    assert (command.stage, command.begins) == ("contacted", False)


@pytest.mark.parametrize("type_", ["lead.won", "lead.lost", "lead.merged"])
def test_a_lead_that_is_closed_ends_what_there_is_to_do(type_: str) -> None:
    [reaction] = asked(ours(type_))
    command = reaction.command({})
    assert reaction.stream == stream_of(LEAD_STREAM)
    assert isinstance(command, EndFollowUps)
    assert command.at == ours(type_).envelope.time


def test_a_lead_that_is_assigned_hands_over() -> None:
    [reaction] = asked(ours("lead.assigned"))
    assert reaction.command({}) == HandOver(owner="8", at=at(3))


@pytest.mark.parametrize("type_", sorted(OURS))
@pytest.mark.parametrize("purpose", [None, "sales"])
def test_what_we_do_ourselves_completes_steps(type_: str, purpose: str | None) -> None:
    happened = event(type_, "user:shop:42", "email:jane@x", purpose=purpose, employee=" e-12 ")
    [reaction] = asked(happened)
    assert reaction.prefix == PREFIX
    assert {*reaction.subjects} == {JANE, EMAIL}
    assert reaction.command({}) == Interact(
        type=type_, interaction=happened.envelope.event, by="e-12", at=at(0)
    )


@pytest.mark.parametrize("type_", sorted(THEIRS))
def test_what_a_customer_does_completes_steps_where_it_is_about_sales(type_: str) -> None:
    assert len(asked(event(type_, purpose="sales"))) == 1
    for purpose in (None, "service", "information"):
        assert asked(event(type_, purpose=purpose)) == []


@pytest.mark.parametrize(
    "fields",
    [{"purpose": "service"}, {"automatic": True}, {"campaign": "spring"}],
)
def test_a_mail_that_is_no_work_on_a_lead_completes_nothing(fields: dict[str, Any]) -> None:
    assert asked(event("email.sent", **fields)) == []


def test_other_types_and_unknown_people_complete_nothing() -> None:
    for type_ in ("page.viewed", "order.placed", "call.missed", "com.example.met"):
        assert asked(event(type_, purpose="sales")) == []
    claim = {"kind": "email", "value": "jane@x", "subject": EMAIL, "claim": True}
    for identifiers in ([], [claim], [{"kind": "cookie", "value": "c"}]):
        assert asked(event("call.placed", identifiers=identifiers)) == []


def test_it_looks_at_types_that_there_are() -> None:
    known = written("interactions").keys()
    assert known >= OURS | THEIRS
    assert {type_ for types in BY_KIND.values() for type_ in types} <= OURS | THEIRS


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(OURS | THEIRS)), _ANY, _ANY, _ANY)
def test_whatever_stands_in_an_interaction_it_is_read(
    type_: str, employee: Any, campaign: Any, purpose: Any
) -> None:
    found = asked(event(type_, employee=employee, campaign=campaign, purpose=purpose))
    for reaction in found:
        by = reaction.command({}).by
        assert by is None or 0 < len(by) <= 200
