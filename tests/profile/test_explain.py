"""Why a profile says what it says: the events behind each value."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings

from services.profile import tables
from services.profile.queries.explain import FIELDS, Explained, explain
from services.profile.queries.profiles import PROFILE
from shared.database import Connection, Pool, in_schema
from shared.messages import Record
from tests.profile.answering import SCHEMA, Profile, answering
from tests.profile.histories import PEOPLE, captured, histories
from tests.records import at, decided, identifier, subject

CUSTOMER = f"/v1/customers/{subject('user:1')}"


@pytest.fixture
async def profile(pool: Pool) -> AsyncIterator[Profile]:
    async with answering(pool) as profile:
        yield profile


async def why(profile: Profile, field: str, **parameters: Any) -> Any:
    """The answer about a field, each of its events in few words."""
    found = await profile.get(f"{CUSTOMER}/explain", field=field, **parameters)
    found["said"] = [
        (event["id"], event["contributed"], event["stands"]) for event in found["data"]
    ]
    return found


async def test_a_value_is_explained_down_to_the_key_that_let_its_event_in(
    profile: Profile,
) -> None:
    told = await profile.tell(
        "order.placed", "user:1", order="7", amount=500, currency="EUR", key="shop"
    )
    found = await why(profile, "revenue.EUR.amount")
    assert (found["customer"], found["field"], found["value"]) == (
        subject("user:1"),
        "revenue.EUR.amount",
        500,
    )
    assert "order.placed" in found["rule"]
    assert found["belonging"] == f"{CUSTOMER}/belonging"
    (event,) = found["data"]
    assert event == {
        "event": event["event"],
        "subject": subject("user:1"),
        "source": "/tests",
        "id": "1",
        "type": "order.placed",
        "time": at(1),
        "recorded": at(1),
        "position": told.place.position(),
        "key": "shop",
        "contributed": {"order": "7", "amount": 500, "currency": "EUR"},
        "stands": True,
        "reason": None,
    }


async def test_a_trait_names_the_event_that_gave_it_and_those_that_lost(profile: Profile) -> None:
    await profile.tell("page.viewed", "user:1", "email:a@x")
    await profile.tell("customer.described", "email:a@x", traits={"name": "Ann\u0000"})
    await profile.tell("customer.described", "user:1", traits={"name": "Jane", "city": "Ulm"})
    await profile.tell("customer.described", "user:1", traits={"city": "Bonn"})
    found = await why(profile, "traits.name")
    assert found["value"]["value"] == "Jane"
    assert found["said"] == [
        ("3", {"traits": {"name": "Jane"}}, True),
        ("2", {"traits": {"name": "Ann\u0000"}}, False),
    ]
    assert found["data"][1]["reason"] == "a later event says otherwise"
    await profile.tell("customer.described", "user:1", traits={"name": None})
    gone = await why(profile, "traits.name", limit=1)
    assert gone["value"] is None
    assert gone["said"] == [("5", {"traits": {"name": None}}, True)]


async def test_an_order_is_explained_by_whoever_spoke_of_it(profile: Profile) -> None:
    await profile.tell("order.placed", "user:1", order="A", amount=5, currency="EUR")
    await profile.tell("order.placed", "user:1", order="B", amount=7, currency="EUR")
    await profile.tell("order.cancelled", "crm:9", order="A")
    await profile.tell("order.returned", order="B", amount=2)
    await profile.tell("order.placed", "user:2", order="C", amount=9, currency="EUR")
    count = await why(profile, "orders.count")
    assert count["value"] == 1
    assert count["said"] == [
        ("3", {"order": "A"}, True),
        ("2", {"order": "B"}, True),
        ("1", {"order": "A"}, False),
    ]
    assert count["data"][2]["reason"] == "the order was cancelled later"
    assert [one[0] for one in (await why(profile, "orders.returns"))["said"]] == ["4"]
    assert [one[0] for one in (await why(profile, "revenue.EUR.returned"))["said"]] == ["4"]
    assert (await why(profile, "orders.first"))["said"] == [("2", {"time": at(2)}, True)]
    status = await why(profile, "orders.by_status.returned")
    assert status["said"] == [("4", {"order": "B"}, True), ("2", {"order": "B"}, False)]


async def test_of_two_events_of_one_name_only_that_stands_which_gave_the_value(
    profile: Profile,
) -> None:
    wish = {"consent_channel": "email", "address": "a@x", "purpose": "news"}
    whose: Any = {"address_identifier": identifier("email:a@x")}
    acme: Any = {"organisation": {"id": "acme"}}
    await profile.tell("page.viewed", "user:1", "email:a@x")
    for n, who in enumerate(("user:1", "email:a@x")):
        await profile.tell("consent.granted", who, id="c", seconds=n, **wish, **whose)
        await profile.tell("membership.changed", who, id="m", seconds=n, role=f"{n}", **acme)
    for field in ("consents.email.a@x.news", "memberships..acme"):
        data = (await why(profile, field))["data"]
        assert [(one["subject"], one["stands"]) for one in data] == [
            (subject("email:a@x"), True),
            (subject("user:1"), False),
        ]


async def test_what_is_agreed_and_registered_and_wished_is_explained(profile: Profile) -> None:
    wish = {"consent_channel": "email", "address": "a.b@x", "purpose": "shop.news"}
    whose = identifier("email:a.b@x")
    await profile.tell("page.viewed", "user:1", "email:a.b@x")
    await profile.tell("consent.granted", "user:1", **wish, address_identifier=whose)
    await profile.tell("consent.withdrawn", "crm:9", **wish, address_identifier=whose)
    terms = {"subscription": "s.1", "namespace": "shop"}
    await profile.tell("subscription.started", "user:1", **terms, term="P1M")
    await profile.tell("subscription.renewed", **terms, term="P1Y")
    await profile.tell("product.registered", "user:1", serial="p", sku="K")
    await profile.tell("product.registered", "user:2", serial="p", sku="L")
    acme = {"id": "acme", "name": "Acme"}
    await profile.tell("membership.changed", "user:1", organisation=acme, role="buyer")
    renamed = {"id": "acme", "name": "Acme Ltd"}
    await profile.tell("membership.changed", "user:2", organisation=renamed, role="boss")
    consent = await why(profile, "consents.email.a.b@x.shop.news")
    assert consent["value"]["granted"] is False
    assert [(said[0], said[2]) for said in consent["said"]] == [("3", True), ("2", False)]
    subscription = await why(profile, "subscriptions.shop.s.1")
    assert subscription["value"]["renewals"] == 1
    assert subscription["said"] == [
        ("5", {"status": "renewed", "term": "P1Y", "renewals": 1}, True),
        ("4", {"started": at(4)}, True),
    ]
    product = await why(profile, "products..p")
    assert product["said"] == [("7", {"sku": "L"}, True), ("6", {"registered": at(6)}, True)]
    membership = await why(profile, "memberships..acme")
    assert membership["value"]["name"] == "Acme Ltd"
    assert membership["said"] == [("9", {"name": "Acme Ltd"}, True), ("8", {"role": "buyer"}, True)]


async def test_belonging_rests_on_what_was_seen_together_and_decided(profile: Profile) -> None:
    await profile.tell("page.viewed", "user:1", "email:a@x")
    await profile.tell("page.viewed", "user:1", "email:a@x")
    await profile.decide("together", "user:1", "user:2")
    found = await why(profile, "identifiers")
    assert len(found["value"]) == 3
    assert [said[0] for said in found["said"]] == ["3", "1"]
    assert found["data"][0]["contributed"]["decision"] == "together"


async def test_what_leads_come_to_is_explained_by_what_was_decided(profile: Profile) -> None:
    await profile.tell("page.viewed", "user:1")
    asked = captured(amount=500, currency="EUR")
    await profile.fold(
        decided("lead.captured", "user:1", 1, 1, seconds=1, **asked),
        decided("lead.described", "user:1", 1, 2, seconds=2, amount=800, currency="EUR"),
        decided("lead.captured", "user:1", 2, 1, seconds=3, **asked),
        decided("lead.won", "user:1", 2, 2, seconds=4, amount=450, currency="EUR", stage="new"),
    )
    value = await why(profile, "leads.pipeline_value.EUR")
    assert value["value"] == 800
    assert [(event["type"], event["stands"], event["reason"]) for event in value["data"]] == [
        ("lead.captured", False, "the lead is won"),
        ("lead.described", True, None),
        ("lead.captured", False, "a later event says another amount"),
    ]
    won = await why(profile, "leads.won_value.EUR")
    assert (won["value"], [event["type"] for event in won["data"]]) == (450, ["lead.won"])
    assert (await why(profile, "leads.open"))["value"] == 1
    assert (await why(profile, "leads.lost"))["value"] == 0


async def test_events_are_explained_page_by_page(profile: Profile) -> None:
    for number in range(5):
        await profile.tell("customer.described", "user:1", traits={"xy"[number % 2]: number})
    first = await why(profile, "traits.x", limit=2)
    rest = await why(profile, "traits.x", limit=2, cursor=first["next_cursor"])
    assert [said[0] for said in first["said"] + rest["said"]] == ["5", "3", "1"]
    assert rest["next_cursor"] is None
    other = await profile.client.get(
        f"{CUSTOMER}/explain", params={"field": "traits.y", "cursor": first["next_cursor"]}
    )
    assert other.status_code == 422


async def test_an_unknown_field_is_refused_with_all_there_are(profile: Profile) -> None:
    await profile.tell("page.viewed", "user:1")
    for field in ("income", "", "traits", "orders", "revenue.", "satisfaction.ces", "id.x"):
        answer = await profile.client.get(f"{CUSTOMER}/explain", params={"field": field})
        assert answer.status_code == 400, field
        problem = answer.json()
        assert problem["fields"] == [*FIELDS]
        assert problem["errors"][0]["pointer"] == "/query/field"
    nobody = CUSTOMER.replace(subject("user:1"), subject("user:2"))
    answer = await profile.client.get(f"{nobody}/explain", params={"field": "complaints"})
    assert answer.status_code == 404


async def all_of(connection: Connection, who: str, field: str) -> Explained:
    """A field whole, read in small pages."""
    events: list[dict[str, Any]] = []
    mark = None
    while True:
        found = await explain(connection, SCHEMA, subject(who), field, 3, mark)
        assert found is not None
        events += found.events
        if (mark := found.following) is None:
            return found._replace(events=events)


def number(found: msgspec.Raw | None) -> int:
    return msgspec.json.decode(found, type=int) if found else 0


def standing(found: Explained, *types: str) -> int:
    return sum(event["stands"] and event["type"] in types for event in found.events)


@given(history=histories())
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_the_events_that_stand_add_up_to_the_value(
    profile: Profile, history: list[Record]
) -> None:
    names = ";".join(
        f"DELETE FROM {SCHEMA}.{table.name}" for table in tables.metadata.sorted_tables
    )
    await profile.site.pool.execute(names)
    await profile.fold(*history)
    await profile.settle()
    async with profile.site.pool.acquire() as connection:
        for who in PEOPLE[::4]:
            await add_up(connection, who)


async def add_up(connection: Connection, who: str) -> None:
    text = await connection.fetchval(in_schema(PROFILE, SCHEMA), subject(who), 0)
    if text is None:
        return
    total = await all_of(connection, who, "interactions.total")
    assert number(total.value) == len(total.events)
    count = await all_of(connection, who, "orders.count")
    assert number(count.value) == standing(count, "order.placed")
    for currency in ("EUR", "USD"):
        amount = await all_of(connection, who, f"revenue.{currency}.amount")
        assert number(amount.value) == sum(
            number(event["contributed"]["amount"])
            for event in amount.events
            if event["stands"] and event["type"] == "order.placed"
        )
        for value, type_ in (("pipeline_value", None), ("won_value", "lead.won")):
            said = await all_of(connection, who, f"leads.{value}.{currency}")
            assert number(said.value) == sum(
                number(event["contributed"]["amount"])
                for event in said.events
                if event["stands"] and type_ in (None, event["type"])
            )
    detractors = await all_of(connection, who, "satisfaction.nps.detractors")
    assert number(detractors.value) == len(detractors.events)
    for state in ("open", "won", "lost"):
        leads = await all_of(connection, who, f"leads.{state}")
        assert number(leads.value) == sum(event["stands"] for event in leads.events)
    for field in ("traits.x", "consents.email.x1.news"):
        one = await all_of(connection, who, field)
        assert standing(one, "customer.described", "consent.granted", "consent.withdrawn") <= 1
