"""Scores that come to something: hot leads, interest that opens one, what is worth working on."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from msgspec.structs import replace

from services.leads import watching
from services.leads.commands import AssignLead, DefineScoring, LoseLead, ReopenLead
from services.leads.decider import LEAD, PIPELINE, ROUTING, SCORING
from services.leads.decider.pipeline import stream_of
from services.leads.decider.routing import STREAM as ROUTES
from services.leads.decider.scoring import STREAM
from services.leads.events import Condition, Interest, Prequalification
from services.leads.parts import PARTS
from services.leads.prospects.commands import BarProspect, ReleaseProspect
from services.leads.prospects.decider import PROSPECT
from services.leads.prospects.decider.knowing import stream_of as prospect_of
from services.leads.routes import DefineRouting, Route
from services.leads.states import Lost, Open
from shared.clock import now, rfc3339
from shared.database import Pool
from shared.deciding.store import Origin
from shared.leases import Lease
from tests.leads.answering import SCHEMA, Leads, answering, decided, defined
from tests.leads.examples import RULES, SALES
from tests.leads.following import happen, react
from tests.leads.told import capture, number
from tests.records import at, record, subject

JANE, MAIL = "user:shop:1", "email:jane@x"
BARS = [bar for part in PARTS for bar in part.bars]


@pytest.fixture
async def leads(pool: Pool) -> AsyncIterator[Leads]:
    async with answering(pool) as leads:
        await defined(leads, "sales")
        yield leads


@pytest.fixture
async def lease(leads: Leads) -> Lease:
    await leads.site.pool.execute(
        "INSERT INTO leases (schema, unit, owner, epoch) VALUES ($1, 'watching', 'tests', 1)",
        SCHEMA,
    )
    return Lease(SCHEMA, "watching", "tests", 1)


async def rules(leads: Leads, **changes: Any) -> None:
    command = DefineScoring(rules=replace(RULES, **changes), at=rfc3339(now()))
    await leads.handler.carry_out(
        SCORING, STREAM, command, Origin("service:app"), partitionkey=STREAM
    )


async def tell(leads: Leads, type_: str, *who: str, id: str, **fields: Any) -> None:
    """What happens now, for scores are of now."""
    made = record(type_, *(who or (JANE,)), id=id, **fields)
    moment = rfc3339(now()).encode()
    await leads.fold(made._replace(value=made.value.replace(at(0).encode(), moment)))


async def look(leads: Leads, lease: Lease) -> None:
    """Look until nobody is left, and fold what is decided."""
    for _ in range(5):
        await leads.settle()
        if not await watching.look(leads.site.pool, leads.handler, lease, BARS):
            return
    raise AssertionError("there is always somebody left to look at")


async def told(leads: Leads, *types: str) -> list[str]:
    """The types of what was decided, of those."""
    rows = [leads.site.view.decode(each) for each in await decided(leads.site.pool)]
    return [each.envelope.type for each in rows if each.envelope.type in types]


async def opened(leads: Leads) -> list[Any]:
    """The leads of the view, by when they began."""
    return list((await leads.get("/v1/leads", sort="captured"))["data"])


# --- hot leads


async def test_a_lead_is_told_to_be_hot_once(leads: Leads, lease: Lease) -> None:
    await rules(leads)
    await leads.carry_out(number(1), capture(1))
    await look(leads, lease)
    assert await told(leads, "lead.heated") == []
    await tell(leads, "quote.requested", id="1")
    await tell(leads, "quote.requested", id="2")
    await look(leads, lease)
    assert await told(leads, "lead.heated") == ["lead.heated"]
    await tell(leads, "quote.requested", id="3")
    await look(leads, lease)
    assert await told(leads, "lead.heated") == ["lead.heated"]
    [found] = await opened(leads)
    assert found["hot"]
    assert await leads.ids(hot__eq="true") == [number(1)]
    assert await leads.ids(hot__eq="false") == []
    assert (await leads.get(f"/v1/leads/{number(1)}"))["hot"]


async def test_what_happened_before_the_lead_counts_too(leads: Leads, lease: Lease) -> None:
    await rules(leads)
    for n in range(2):
        await tell(leads, "quote.requested", id=str(n))
    await look(leads, lease)
    await leads.carry_out(number(1), capture(1))
    await look(leads, lease)
    assert await told(leads, "lead.heated") == ["lead.heated"]


async def test_other_rules_are_looked_at_for_everybody(leads: Leads, lease: Lease) -> None:
    await rules(leads)
    await leads.carry_out(number(1), capture(1))
    await tell(leads, "quote.requested", id="1")
    await look(leads, lease)
    assert await told(leads, "lead.heated") == []
    await rules(leads, hot=20)
    await look(leads, lease)
    assert await told(leads, "lead.heated") == ["lead.heated"]
    await rules(leads, hot=10)
    await look(leads, lease)
    assert await told(leads, "lead.heated") == ["lead.heated", "lead.heated"]


async def test_a_lead_goes_to_whom_an_earlier_rule_gives_it_once_it_has_the_points(
    leads: Leads, lease: Lease
) -> None:
    await rules(leads)
    routes = (Route("warm", owner="best", score_at_least=40), Route("rest", owner="all"))
    command = DefineRouting(rules=routes, teams={}, at=rfc3339(now()))
    await leads.handler.carry_out(
        *(ROUTING, ROUTES, command, Origin("service:app")), partitionkey=ROUTES
    )
    for n in (1, 2):  # the second one's owner is chosen by hand
        await leads.carry_out(number(n), capture(n, who=f"user:shop:{n}"))
    await react(leads)
    by_hand = AssignLead(owner="hers", reason="She knows them.", at=rfc3339(now()))
    await leads.carry_out(number(2), by_hand)
    for n in (1, 2):
        for times in range(2):
            await tell(leads, "quote.requested", f"user:shop:{n}", id=f"{n} {times}")
    await look(leads, lease)
    await react(leads)
    await look(leads, lease)
    await react(leads)
    assert await told(leads, "lead.scored") == ["lead.scored"] * 2
    first, second = [(await leads.get(f"/v1/leads/{number(n)}")) for n in (1, 2)]
    assert (first["owner"], first["rule"], first["reached"]) == ("best", "warm", 40)
    assert (second["owner"], second["rule"]) == ("hers", None)
    history = (await leads.get(f"/v1/leads/{number(1)}/history"))["data"]
    reasons = [each["data"]["reason"] for each in history if each["type"] == "lead.assigned"]
    assert reasons == ["rule rest", "rule warm, by a score of 40 or more"]


async def test_by_its_score_a_lead_of_a_pipeline_for_partners_goes_to_one(
    leads: Leads, lease: Lease
) -> None:
    await defined(leads, "partner")
    await rules(leads)
    routes = (Route("theirs", owner="partner:1", pipelines=("partner",), score_at_least=40),)
    command = DefineRouting(rules=routes, teams={}, at=rfc3339(now()))
    await leads.handler.carry_out(
        *(ROUTING, ROUTES, command, Origin("service:app")), partitionkey=ROUTES
    )
    pipeline = (await leads.handler.load(PIPELINE, stream_of("partner"))).state
    await leads.carry_out(number(1), capture(1, pipeline=pipeline))
    for times in range(2):
        await tell(leads, "quote.requested", id=str(times))
    await look(leads, lease)
    await react(leads)
    assert (await leads.get(f"/v1/leads/{number(1)}"))["owner"] == "partner:1"


async def test_two_who_are_one_are_scored_together(leads: Leads, lease: Lease) -> None:
    await rules(leads)
    await leads.carry_out(number(1), capture(1))
    await tell(leads, "quote.requested", id="1")
    await tell(leads, "quote.requested", "email:jane@x", id="2")
    await look(leads, lease)
    assert await told(leads, "lead.heated") == []
    await leads.belongs(subject("email:jane@x"), subject(JANE))
    await look(leads, lease)
    assert await told(leads, "lead.heated") == ["lead.heated"]


async def test_a_look_that_ended_on_the_way_is_done_again_and_tells_nothing_twice(
    leads: Leads, lease: Lease
) -> None:
    await rules(leads)
    await leads.carry_out(number(1), capture(1))
    for n in range(2):
        await tell(leads, "quote.requested", id=str(n))
    await leads.settle()
    pending = f"{SCHEMA}.pending"
    await leads.site.pool.execute(f"CREATE TABLE kept AS SELECT * FROM {pending}")
    await look(leads, lease)
    await leads.site.pool.execute(f"INSERT INTO {pending} SELECT * FROM kept")
    await look(leads, lease)
    assert await told(leads, "lead.heated") == ["lead.heated"]


async def test_a_lead_that_is_closed_is_left_alone_until_it_is_open_again(
    leads: Leads, lease: Lease
) -> None:
    await rules(leads)
    await leads.carry_out(number(1), capture(1), LoseLead(pipeline=SALES, reason="price", at=at(2)))
    for n in range(2):
        await tell(leads, "quote.requested", id=str(n))
    await look(leads, lease)
    assert await told(leads, "lead.heated") == []
    await leads.carry_out(number(1), ReopenLead(pipeline=SALES, reason="again", at=at(3)))
    await look(leads, lease)
    assert await told(leads, "lead.heated") == ["lead.heated"]


async def test_without_rules_nothing_comes_of_anything(leads: Leads, lease: Lease) -> None:
    await leads.carry_out(number(1), capture(1))
    await tell(leads, "quote.requested", id="1")
    await look(leads, lease)
    assert await told(leads, "lead.heated", "lead.prequalified") == []


# --- interest


async def test_interest_in_a_product_opens_a_lead(leads: Leads, lease: Lease) -> None:
    await rules(leads, interest=Interest(25))
    for n in range(2):
        await tell(leads, "product.viewed", id=str(n), sku="KETTLE-1")
    await tell(leads, "product.viewed", id="other", sku="POT-1")
    await look(leads, lease)
    assert await opened(leads) == []
    await tell(leads, "product.viewed", id="3", sku="KETTLE-1")
    await look(leads, lease)
    [found] = await opened(leads)
    expected = {
        "pipeline": "sales",
        "subject": subject(JANE),
        "source": "interest",
        "channel": "web",
        "title": "Interest: KETTLE-1",
        "product": "KETTLE-1",
    }
    assert {name: found[name] for name in expected} == expected


async def test_what_asks_for_something_is_no_interest(leads: Leads, lease: Lease) -> None:
    await rules(leads, interest=Interest(25))
    await tell(leads, "quote.requested", id="1", product="KETTLE-1")
    for n in range(3):
        await tell(leads, "product.viewed", id=f"p{n}", sku="KETTLE-1", channel="partner")
    await look(leads, lease)
    assert await opened(leads) == []


async def test_who_has_an_open_lead_gets_no_other(leads: Leads, lease: Lease) -> None:
    await rules(leads, interest=Interest(25))
    await leads.carry_out(number(1), capture(1))
    for n in range(3):
        await tell(leads, "product.viewed", id=str(n), sku="KETTLE-1")
    await look(leads, lease)
    [found] = await opened(leads)
    assert (found["id"], found["inquiries"]) == (number(1), 1)


async def bar(leads: Leads, who: str) -> None:
    """Whoever has this name is not to be contacted."""
    whose = subject(who)
    command = BarProspect(subject=whose, reason="They said so.", at=rfc3339(now()))
    await leads.handler.carry_out(
        *(PROSPECT, prospect_of(whose), command, Origin("service:app")), partitionkey=whose
    )


@pytest.mark.parametrize("barred", [JANE, MAIL])
async def test_interest_opens_no_lead_of_one_who_is_not_to_be_contacted(
    leads: Leads, lease: Lease, barred: str
) -> None:
    await rules(leads, interest=Interest(25))
    await leads.belongs(subject(MAIL), subject(JANE))
    await bar(leads, barred)
    for n in range(3):
        await tell(leads, "product.viewed", id=str(n), sku="KETTLE-1")
    await tell(leads, "product.viewed", MAIL, id="mail", sku="KETTLE-1")
    await look(leads, lease)
    assert await opened(leads) == []


async def test_once_they_may_be_contacted_again_interest_opens_one(
    leads: Leads, lease: Lease
) -> None:
    await rules(leads, interest=Interest(25))
    await bar(leads, JANE)
    for n in range(3):
        await tell(leads, "product.viewed", id=str(n), sku="KETTLE-1")
    await look(leads, lease)
    release = ReleaseProspect(reason="They asked.", at=rfc3339(now()))
    whose = subject(JANE)
    await leads.handler.carry_out(
        *(PROSPECT, prospect_of(whose), release, Origin("service:app")), partitionkey=whose
    )
    await tell(leads, "product.viewed", id="4", sku="KETTLE-1")
    await look(leads, lease)
    assert [each["source"] for each in await opened(leads)] == ["interest"]


async def test_who_is_not_to_be_contacted_and_asks_for_something_has_a_lead(
    leads: Leads, lease: Lease
) -> None:
    await bar(leads, JANE)
    await happen(leads, "quote.requested", JANE, at_=rfc3339(now()), product="KETTLE-1")
    await look(leads, lease)
    assert [each["product"] for each in await opened(leads)] == ["KETTLE-1"]


async def test_interest_begins_anew_once_the_lead_is_closed(leads: Leads, lease: Lease) -> None:
    await rules(leads, interest=Interest(25))
    for n in range(3):
        await tell(leads, "product.viewed", id=str(n), sku="KETTLE-1")
    await look(leads, lease)
    [found] = await opened(leads)
    leads.keys[found["id"]] = found["subject"]
    lose = LoseLead(pipeline=SALES, reason="price", at=rfc3339(now()))
    await leads.carry_out(found["id"], lose)
    await tell(leads, "product.viewed", id="4", sku="KETTLE-1")
    await look(leads, lease)
    assert [each["id"] for each in await opened(leads)] == [found["id"]]
    for n in range(5, 8):
        await tell(leads, "product.viewed", id=str(n), sku="KETTLE-1")
    await look(leads, lease)
    states = [(await leads.handler.load(LEAD, each["id"])).state for each in await opened(leads)]
    assert [type(each) for each in states] == [Lost, Open]


async def test_after_a_rebuild_everybody_is_looked_at_again_and_nothing_is_new(
    leads: Leads, lease: Lease
) -> None:
    await rules(leads, interest=Interest(25))
    for n in range(3):
        await tell(leads, "product.viewed", id=str(n), sku="KETTLE-1")
    await look(leads, lease)
    before = await decided(leads.site.pool)
    [ask] = leads.site.view.projection.queue.ask_all  # type: ignore[union-attr]
    await leads.site.pool.execute(ask.replace("{s}", SCHEMA))
    assert await leads.site.pool.fetchval(f"SELECT count(*) FROM {SCHEMA}.pending") == 1
    await look(leads, lease)
    assert await decided(leads.site.pool) == before


async def test_into_a_pipeline_that_is_not_there_nothing_is_opened(
    leads: Leads, lease: Lease
) -> None:
    await rules(leads, interest=Interest(5, "nowhere"))
    await tell(leads, "product.viewed", id="1", sku="KETTLE-1")
    await look(leads, lease)
    assert await opened(leads) == []


# --- prequalification


async def test_a_lead_is_prequalified_once_all_holds(leads: Leads, lease: Lease) -> None:
    wanted = Prequalification((Condition("near", "country", values=("GB",)),), least=5)
    await rules(leads, prequalify=wanted)
    await leads.carry_out(number(1), capture(1))
    await look(leads, lease)
    path = f"/v1/leads/{number(1)}"
    found = await leads.get(path)
    assert (found["prequalified"], found["failed"]) == (False, ["near", "least"])
    await tell(leads, "customer.described", id="1", traits={"country": "GB"})
    await look(leads, lease)
    assert (await leads.get(path))["prequalified"]
    assert await leads.ids(prequalified__eq="true") == [number(1)]
    assert await told(leads, "lead.disqualified", "lead.prequalified") == [
        *("lead.disqualified", "lead.prequalified")
    ]
    explained = await leads.get(f"{path}/score")
    assert (explained["prequalified"], explained["failed"]) == (True, [])
