"""What comes to prospects of its own accord, over a real event store."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.leads import inbound
from services.leads.commands import LoseLead, WinLead
from services.leads.consumers import POLICY
from services.leads.decider import LEAD
from services.leads.part import SOURCE
from services.leads.prospects import COMING_BACK
from services.leads.prospects.commands import (
    DefineReactivation,
    DropProspect,
    PutOffProspect,
)
from services.leads.prospects.decider import PROSPECT, REACTIVATION
from services.leads.prospects.decider.knowing import stream_of
from services.leads.prospects.decider.returning import STREAM, later
from services.leads.prospects.events import Return
from services.leads.prospects.policies import WITHDRAWN
from services.leads.prospects.states import Absent, Barred, Promoted, Prospect, Waiting
from services.leads.states import Open
from shared.database import Pool
from shared.deciding.store import Origin
from shared.deciding.timers import Ticking
from shared.leases import Lease
from tests.leads.answering import SCHEMA, Leads, answering, defined
from tests.leads.examples import JANE, SALES
from tests.leads.following import happen, react
from tests.leads.prospecting import item, keep, post
from tests.leads.told import capture, number
from tests.records import at, record, subject

JANES = stream_of(JANE)
PRICE = Return("price", 90, reasons=("price",))
AT_ONCE = Return("price", 1, reasons=("price",), promote=True)


@pytest.fixture
async def leads(pool: Pool) -> AsyncIterator[Leads]:
    async with answering(pool) as leads:
        await defined(leads, "sales", "win-back")
        yield leads


async def state(leads: Leads, prospect: str = JANES) -> Prospect:
    found: Prospect = (await leads.handler.load(PROSPECT, prospect)).state
    return found


async def decide(leads: Leads, command: Any, prospect: str = JANES, key: str = JANE) -> None:
    await leads.handler.carry_out(
        PROSPECT, prospect, command, Origin("service:app"), partitionkey=key
    )


async def rules(leads: Leads, *rules: Return) -> None:
    command = DefineReactivation(rules=rules, at=at(0))
    await leads.handler.carry_out(
        REACTIVATION, STREAM, command, Origin("service:app"), partitionkey=STREAM
    )


async def lose(leads: Leads, n: int = 1, reason: str = "price", **fields: Any) -> None:
    """Jane's nth lead, which is lost."""
    await leads.carry_out(
        number(n),
        capture(n, "user:shop:42", **fields),
        LoseLead(pipeline=SALES, reason=reason, at=at(5)),
    )
    await react(leads)


async def tick(leads: Leads) -> None:
    """Let the dates come that are over by now, and what follows."""
    await ring(leads)
    await react(leads)


async def ring(leads: Leads) -> None:
    """Let the dates come that are over by now."""
    pool = leads.site.pool
    epoch = await pool.fetchval(
        "INSERT INTO leases (schema, unit, owner, epoch) VALUES ($1, 'prospects', 'a', 1)"
        " ON CONFLICT (schema, unit) DO UPDATE SET epoch = leases.epoch + 1 RETURNING epoch",
        SCHEMA,
    )
    lease = Lease(SCHEMA, "prospects", "a", epoch)
    await leads.settle()
    await Ticking(pool, lease, SOURCE, COMING_BACK).turn()
    await leads.settle()


async def history(leads: Leads, prospect: str = JANES) -> list[str]:
    told = await leads.get(f"/v1/prospects/{prospect}/history")
    return [each["type"].removeprefix("prospect.") for each in told["data"]]


# --- do not contact


@pytest.mark.parametrize("purpose", ["sales", "Marketing", "all", None, ""])
async def test_who_withdraws_consent_to_be_sold_to_is_barred(leads: Leads, purpose: Any) -> None:
    await decide(leads, keep(come_back=at(9)))
    await happen(leads, WITHDRAWN, "user:shop:42", at_=at(7), purpose=purpose, address="j@x")
    found = await state(leads)
    assert isinstance(found, Barred)
    assert (found.by, found.person.name) == ("consent", "Jane Doe")
    await tick(leads)
    assert await history(leads) == ["kept", "barred"]


@pytest.mark.parametrize("purpose", ["newsletter", "service"])
async def test_other_consents_bar_nobody(leads: Leads, purpose: str) -> None:
    await decide(leads, keep())
    await happen(leads, WITHDRAWN, "user:shop:42", at_=at(7), purpose=purpose, address="j@x")
    assert isinstance(await state(leads), Waiting)


async def test_who_is_no_prospect_yet_is_barred_when_it_comes_to_be_one(leads: Leads) -> None:
    await happen(leads, WITHDRAWN, "user:shop:1", at_=at(7), purpose="sales", address="j@x")
    answer = await post(leads, "/v1/prospects", item(1))
    assert (answer.status_code, answer.json()["state"]) == (200, "barred")
    await leads.settle()
    [found] = (await leads.get("/v1/prospects", state__eq="barred"))["data"]
    assert found["reason"] == "consent withdrawn: sales"


async def test_it_is_the_customer_that_is_barred_under_any_of_its_identifiers(
    leads: Leads,
) -> None:
    await decide(leads, keep())
    who = ("email:jane@x", "user:shop:42")
    await happen(leads, WITHDRAWN, *who, at_=at(7), purpose="sales", address="j@x")
    assert isinstance(await state(leads), Barred)


async def test_the_address_tells_too_whose_consent_it_was(leads: Leads) -> None:
    email = subject("email:jane@x")
    await decide(leads, keep(subject=email), stream_of(email), email)
    address = {"kind": "email", "value": "jane@x", "subject": email}
    await happen(
        leads, WITHDRAWN, "phone:+31612345678", at_=at(7), address_identifier=address, address="x"
    )
    assert isinstance(await state(leads, stream_of(email)), Barred)


@pytest.mark.parametrize("known_as_one", [True, False])
async def test_every_prospect_of_whoever_withdraws_it_is_barred(
    leads: Leads, known_as_one: bool
) -> None:
    email = subject("email:jane@x")
    await decide(leads, keep())
    await decide(leads, keep(subject=email, identifiers=()), stream_of(email), email)
    if known_as_one:  # since they were kept
        await leads.site.pool.execute("INSERT INTO belonging VALUES ($1, $2, 1)", email, JANE)
    who = ("user:shop:42",) if known_as_one else ("user:shop:42", "email:jane@x")
    await happen(leads, WITHDRAWN, *who, at_=at(7), purpose="sales", address="j@x")
    assert isinstance(await state(leads), Barred)
    assert isinstance(await state(leads, stream_of(email)), Barred)


def test_nobody_s_consent_bars_nobody() -> None:
    there = inbound.interaction(record(WITHDRAWN, id="1", purpose="sales"))
    assert POLICY.react(there) == []


@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["purpose", "address_identifier", "address"]),
        st.none() | st.integers() | st.text() | st.lists(st.text()) | st.just({"subject": 7}),
    )
)
def test_whatever_else_stands_there_is_no_exception(fields: dict[str, Any]) -> None:
    there = inbound.interaction(record(WITHDRAWN, "user:shop:42", id="1", **fields))
    for wanted in POLICY.react(there) or ():
        PROSPECT.decide(PROSPECT.initial, wanted.command({}))


# --- leads


async def test_a_prospect_whose_customer_has_a_lead_is_promoted(leads: Leads) -> None:
    await decide(leads, keep(come_back=at(9)))
    await leads.carry_out(number(1), capture(1, "user:shop:42"))
    await react(leads)
    found = await state(leads)
    assert isinstance(found, Promoted)
    assert found.lead == number(1)
    await tick(leads)
    assert await history(leads) == ["kept", "promoted"]


async def test_without_a_prospect_a_lead_begins_none(leads: Leads) -> None:
    await leads.carry_out(number(1), capture(1, "user:shop:42"))
    await react(leads)
    assert isinstance(await state(leads), Absent)


async def test_a_lost_lead_returns_by_rule_and_is_due(leads: Leads) -> None:
    await rules(leads, PRICE)
    await lose(leads)
    found = await state(leads)
    assert isinstance(found, Waiting)
    assert found.person.come_back == later(at(5), 90)
    await tick(leads)
    assert await history(leads) == ["kept", "due"]
    assert await leads.ids("/v1/prospects", due__eq="true") == [JANES]
    await tick(leads)
    assert await history(leads) == ["kept", "due"]


async def test_for_other_reasons_or_without_rules_it_does_not(leads: Leads) -> None:
    await lose(leads)
    assert isinstance(await state(leads), Absent)
    await rules(leads, PRICE)
    await lose(leads, 2, "no answer")
    assert isinstance(await state(leads), Absent)


async def test_a_lead_that_is_won_does_not_return(leads: Leads) -> None:
    await rules(leads, PRICE)
    await leads.carry_out(
        number(1), capture(1, "user:shop:42", amount=1, currency="EUR"), WinLead(at=at(5))
    )
    await react(leads)
    assert isinstance(await state(leads), Absent)


async def test_by_a_rule_that_promotes_a_lead_begins_when_it_is_due(leads: Leads) -> None:
    await rules(leads, AT_ONCE)
    await lose(leads, fields={"seats": 2})
    await tick(leads)
    found = await state(leads)
    assert isinstance(found, Promoted)
    lead = (await leads.handler.load(LEAD, found.lead)).state
    assert isinstance(lead, Open)
    assert (lead.lead.pipeline, lead.lead.source) == ("win-back", "/leads/reactivation")
    assert lead.lead.fields == {"seats": 2}
    assert await history(leads) == ["kept", "due", "promoted"]


async def test_it_joins_the_lead_that_is_open_there(leads: Leads) -> None:
    await rules(leads, AT_ONCE)
    await lose(leads)
    body = {**item(42), "channel": "web", "title": "A", "pipeline": "win-back"}
    body.pop("name")
    there = await post(leads, "/v1/leads", body)
    assert there.status_code == 201, there.text
    await tick(leads)
    found = await state(leads)
    assert isinstance(found, Promoted)
    assert found.lead == there.json()["id"]


async def test_who_is_barred_meanwhile_is_not_promoted(leads: Leads) -> None:
    await rules(leads, AT_ONCE)
    await lose(leads)
    await happen(leads, WITHDRAWN, "user:shop:42", at_=at(7), purpose="sales", address="j@x")
    await tick(leads)
    assert await history(leads) == ["kept", "barred"]
    assert await leads.ids(state__eq="open") == []


async def test_into_a_pipeline_that_is_not_there_it_is_due_alone(leads: Leads) -> None:
    await rules(leads, Return("price", 1, promote=True, into="nowhere"))
    await lose(leads)
    await tick(leads)
    assert await history(leads) == ["kept", "due"]


async def test_who_is_put_off_before_a_lead_begins_is_not_promoted(leads: Leads) -> None:
    await rules(leads, AT_ONCE)
    await lose(leads)
    await ring(leads)
    later_ = "2099-01-01T00:00:00.000000Z"
    await decide(leads, PutOffProspect(come_back=later_, at=at(12)))
    await react(leads)
    assert await history(leads) == ["kept", "due", "put_off"]
    assert await leads.ids(state__eq="open") == []


async def test_one_that_is_kept_anew_with_a_date_that_came_once_is_due_again(
    leads: Leads,
) -> None:
    await decide(leads, keep(come_back=at(9)))
    await tick(leads)
    await decide(leads, DropProspect(reason="moved", at=at(10)))
    await decide(leads, keep(come_back=at(9), at=at(11)))
    await tick(leads)
    assert await history(leads) == ["kept", "due", "dropped", "kept", "due"]
