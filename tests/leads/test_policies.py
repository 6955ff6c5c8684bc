"""What an interaction asks for, and what comes of it."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.leads import inbound
from services.leads.commands import CaptureLead
from services.leads.decider import LEAD, PIPELINE
from services.leads.decider.pipeline import stream_of
from services.leads.defaults import pipelines
from services.leads.events import LeadCaptured, LeadInquired
from services.leads.policies import TITLES, Ignored, Inquiry, ask, policy
from shared.deciding.policies import Belonging, Reaction
from shared.projection import Event
from tests.contracts.examples import written
from tests.leads.examples import JANE
from tests.records import at, record, subject

POLICY = policy(())  # what leads themselves want; each part has tests of its own
EMAIL = subject("email:jane@x")
PIPELINES = {
    stream_of(command.name): PIPELINE.fold(PIPELINE.decide(PIPELINE.initial, command))
    for command in pipelines(at(0))
}


def event(type_: str, *who: str, id: str = "1", **fields: Any) -> Event:
    return inbound.interaction(record(type_, *(who or ("user:shop:42",)), id=id, **fields))


def asked(type_: str, *who: str, **fields: Any) -> Inquiry | Ignored:
    body = event(type_, *who, **fields).body
    assert isinstance(body, inbound.Interaction)
    return ask(type_, body)


def reaction(event: Event) -> Reaction:
    [found] = POLICY.react(event) or []
    return found


def command(event: Event) -> CaptureLead:
    found = reaction(event).command(PIPELINES)
    assert isinstance(found, CaptureLead)
    return found


@pytest.mark.parametrize(
    ("type_", "fields", "title"),
    [
        ("form.submitted", {"form": "contact"}, "Form: contact"),
        ("form.submitted", {"form": "contact", "purpose": "sales"}, "Form: contact"),
        ("information.requested", {"product": "KETTLE-1"}, "Information: KETTLE-1"),
        ("quote.requested", {"product": "KETTLE-1"}, "Quote: KETTLE-1"),
        ("quote.requested", {}, "Quote"),
        ("call.received", {"purpose": "sales"}, "Call"),
        ("call.missed", {"purpose": "sales"}, "Missed call"),
        ("message.received", {"purpose": "sales"}, "Message"),
        ("email.received", {"purpose": "sales", "subject": "Kettles?"}, "E-mail: Kettles?"),
        ("letter.received", {"purpose": "sales"}, "Letter"),
        ("desk.visited", {"purpose": "sales"}, "Visit to the desk"),
        ("store.visited", {"purpose": "sales"}, "Visit to the store"),
    ],
)
def test_who_asks_to_buy_is_a_lead(type_: str, fields: dict[str, str], title: str) -> None:
    product = fields.get("product")
    assert asked(type_, **fields) == Inquiry("sales", title, product, (JANE,))


@pytest.mark.parametrize(
    "type_",
    ["call.received", "call.missed", "message.received", "email.received", "letter.received"],
)
@pytest.mark.parametrize("purpose", ["service", "information", None])
def test_who_calls_or_writes_for_something_else_is_none(type_: str, purpose: str | None) -> None:
    assert asked(type_, purpose=purpose) is Ignored.NOT_SALES


def test_a_form_that_is_about_something_else_is_none() -> None:
    assert asked("form.submitted", form="contact", purpose="service") is Ignored.NOT_SALES


@pytest.mark.parametrize("direction", ["outbound", "internal"])
def test_what_we_say_ourselves_is_none(direction: str) -> None:
    found = asked("call.received", purpose="sales", direction=direction)
    assert found is Ignored.OURS


def test_what_a_program_wrote_is_none() -> None:
    assert asked("email.received", purpose="sales", automatic=True) is Ignored.AUTOMATIC


def test_without_a_usable_subject_nothing_is_opened() -> None:
    claim = {"kind": "email", "value": "jane@x", "claim": True}
    unusable = {"kind": "cookie", "value": "c-1"}
    for identifiers in ([], [claim], [unusable], [claim, unusable]):
        assert asked("quote.requested", identifiers=identifiers) is Ignored.NOBODY
        assert POLICY.react(event("quote.requested", identifiers=identifiers)) == []


@pytest.mark.parametrize(
    "type_", ["product.viewed", "page.viewed", "call.placed", "message.sent", "order.placed"]
)
def test_other_types_are_none_of_its_business(type_: str) -> None:
    assert POLICY.react(event(type_, purpose="sales", sku="KETTLE-1")) is None


def test_it_looks_at_types_that_there_are() -> None:
    assert TITLES.keys() <= written("interactions").keys()


def test_a_partner_asks_in_a_pipeline_of_its_own() -> None:
    found = reaction(event("quote.requested", channel="partner"))
    assert found.scope == "open/partner"
    assert [need.stream for need in found.needs] == [stream_of("partner")]


def test_it_looks_under_every_subject_the_strongest_first() -> None:
    found = reaction(event("quote.requested", "device:d1", "email:jane@x", "user:shop:42"))
    assert found.subjects == (JANE, EMAIL, subject("device:d1"))
    assert found.partitionkey == JANE
    assert (found.scope, found.decider.category) == ("open/sales", "lead")


def test_a_claim_is_kept_and_not_looked_under() -> None:
    claim = {"kind": "email", "value": "jane@x", "claim": True}
    device = {"kind": "device", "value": "d1", "subject": subject("device:d1")}
    there = event("quote.requested", "device:d1", identifiers=[claim, device])
    assert reaction(there).subjects == (subject("device:d1"),)
    assert [each.kind for each in command(there).identifiers] == ["email", "device"]


def test_the_command_says_what_was_asked_when_and_where() -> None:
    there = event("quote.requested", product="KETTLE-1", seconds=5, source="/web/shop")
    assert command(there) == CaptureLead(
        pipeline=PIPELINES[stream_of("sales")],
        subject=JANE,
        source="/web/shop",
        channel="web",
        title="Quote: KETTLE-1",
        identifiers=there.body.identifiers,  # type: ignore[attr-defined]
        product="KETTLE-1",
        interaction=there.envelope.event,
        at=at(5),
    )


def test_what_claims_to_be_in_the_future_happened_when_it_was_recorded() -> None:
    assert command(event("quote.requested", seconds=900, recorded=60)).at == at(60)


def test_a_lead_has_the_same_stream_whenever_its_event_is_read() -> None:
    def stream(id: str, *who: str) -> str:
        return reaction(event("quote.requested", *who, id=id)).stream

    assert stream("1") == stream("1")
    assert len({stream("1"), stream("2"), stream("1", "email:jane@x")}) == 3
    assert stream("1")[14] == "8"  # a hashed UUID


def test_it_begins_a_lead_or_joins_the_one_that_is_open() -> None:
    first, second = (
        command(event("quote.requested")),
        command(event("call.missed", purpose="sales")),
    )
    [begun] = LEAD.decide(LEAD.initial, first)
    assert isinstance(begun, LeadCaptured)
    [joined] = LEAD.decide(LEAD.fold([begun]), second)
    assert isinstance(joined, LeadInquired)


def test_who_belongs_to_whom_is_told_on() -> None:
    told = inbound.belongs(written("customers")["belongs"])
    assert POLICY.belongs(told) == Belonging(EMAIL, JANE, 3)
    assert POLICY.belongs(event("quote.requested")) is None
    assert POLICY.react(told) is None


_texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=300)


@settings(deadline=None)
@given(
    st.sampled_from(sorted(TITLES)),
    st.fixed_dictionaries(
        {},
        optional={
            "channel": _texts,
            "purpose": st.sampled_from(["sales", "service"]) | _texts,
            "product": _texts,
            "form": _texts,
            "subject": _texts,
            "source": _texts,
        },
    ),
)
def test_no_inquiry_is_lost_to_a_field_that_is_too_long_or_empty(
    type_: str, fields: dict[str, str]
) -> None:
    there = event(type_, **fields)
    for wanted in POLICY.react(there) or ():
        [begun] = LEAD.decide(LEAD.initial, wanted.command(PIPELINES))
        assert isinstance(begun, LeadCaptured)
