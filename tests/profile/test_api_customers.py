"""Reading customers over HTTP."""

from collections.abc import AsyncIterator

import pytest

from shared.database import Pool
from tests.profile.answering import SCHEMA, Profile, answering
from tests.records import at, subject


@pytest.fixture
async def profile(pool: Pool) -> AsyncIterator[Profile]:
    async with answering(pool) as profile:
        yield profile


async def test_an_event_with_two_identifiers_makes_one_customer(profile: Profile) -> None:
    await profile.tell("page.viewed", "user:shop:42", "email:jane@example.com")
    user, email = subject("user:shop:42"), subject("email:jane@example.com")
    by_user = await profile.get(f"/v1/customers/{user}")
    assert by_user == await profile.get(f"/v1/customers/{email}")
    assert by_user["id"] == user
    assert by_user["identifiers"] == [
        {
            "kind": "user",
            "namespace": "shop",
            "value": "42",
            "subject": user,
            "shared": False,
        },
        {
            "kind": "email",
            "namespace": "",
            "value": "jane@example.com",
            "subject": email,
            "shared": False,
        },
    ]
    assert by_user["interactions"] == {
        "total": 1,
        "by_channel": {"web": 1},
        "by_type": {"page.viewed": 1},
    }
    assert by_user["first_seen"] == by_user["last_seen"] == at(1)
    assert by_user["timeline"] is None


async def test_the_facts_of_all_subjects_are_summed(profile: Profile) -> None:
    order = {"namespace": "shop", "currency": "EUR"}
    await profile.tell("order.placed", "email:a@x", order="1", amount=1000, **order)
    await profile.tell("order.placed", "user:1", order="2", amount=2501, **order)
    await profile.tell("order.placed", "user:1", order="3", amount=700, **order)
    await profile.tell("order.cancelled", "phone:+4930123456", order="3", namespace="shop")
    await profile.tell("order.returned", "user:1", order="2", amount=501, namespace="shop")
    await profile.tell("complaint.raised", "email:a@x", channel="phone")
    await profile.tell("feedback.given", "user:1", csat=4, nps=9)
    await profile.tell("feedback.given", "email:a@x", csat=5, nps=6)
    await profile.tell("page.viewed", "email:a@x", "user:1")
    found = await profile.get(f"/v1/customers/{subject('email:a@x')}")
    assert found["id"] == subject("user:1")
    assert found["orders"] == {
        "count": 2,
        "by_status": {"cancelled": 1, "placed": 1, "returned": 1},
        "first": at(1),
        "last": at(2),
        "returns": 1,
    }
    assert found["revenue"] == {
        "EUR": {"orders": 2, "amount": 3501, "returned": 501, "net": 3000, "average": 1751}
    }
    assert found["complaints"] == 1
    assert found["satisfaction"] == {
        "csat": {"responses": 2, "average": 4.5},
        "nps": {"responses": 2, "promoters": 1, "detractors": 1, "score": 0.0},
    }
    assert found["interactions"]["by_channel"] == {"phone": 1, "web": 7}
    assert found["interactions"]["total"] == 8


async def test_the_latest_trait_wins_and_null_takes_it_away(profile: Profile) -> None:
    await profile.tell("page.viewed", "email:a@x", "user:1")
    await profile.tell("customer.described", "user:1", traits={"name": "Jane", "city": "Ulm"})
    latest = await profile.tell(
        "customer.described", "email:a@x", traits={"name": {"first": "Jane \u0000"}, "city": None}
    )
    traits = (await profile.get(f"/v1/customers/{subject('user:1')}"))["traits"]
    assert set(traits) == {"name"}
    assert traits["name"]["value"] == {"first": "Jane \u0000"}
    assert traits["name"]["time"] == at(3)
    assert traits["name"]["source"] == "/tests"
    assert traits["name"]["id"] == "3"
    assert traits["name"]["position"] == latest.place.position()


async def test_consents_subscriptions_products_and_memberships_are_shown(profile: Profile) -> None:
    address = {"kind": "email", "value": "a@x", "subject": subject("email:a@x")}
    await profile.tell(
        "consent.granted",
        "email:a@x",
        "user:1",
        address="a@x",
        purpose="news",
        consent_channel="email",
        address_identifier=address,
        topics=["wine"],
    )
    await profile.tell(
        "subscription.started", "user:1", subscription="s", term="P1M", amount=990, currency="EUR"
    )
    await profile.tell("product.registered", "user:1", serial="SN1", sku="K", name="Kettle")
    acme = {"id": "acme", "name": "Acme"}
    await profile.tell("membership.changed", "user:1", organisation=acme, role="buyer", member=True)
    found = await profile.get(f"/v1/customers/{subject('user:1')}")
    (consent,) = found["consents"]
    assert (consent["channel"], consent["address"], consent["purpose"]) == ("email", "a@x", "news")
    assert consent["granted"] is True
    assert consent["choices"] == {"topics": ["wine"]}
    assert (consent["time"], consent["source"], consent["id"]) == (at(1), "/tests", "1")
    (subscription,) = found["subscriptions"]
    assert (subscription["status"], subscription["amount"]) == ("started", 990)
    (product,) = found["products"]
    assert (product["sku"], product["registered"]) == ("K", at(3))
    (membership,) = found["memberships"]
    assert (membership["name"], membership["role"], membership["since"]) == ("Acme", "buyer", at(4))


async def test_the_latest_events_come_with_the_profile(profile: Profile) -> None:
    for n in range(3):
        await profile.tell("page.viewed", "user:1", page=n)
    found = await profile.get(f"/v1/customers/{subject('user:1')}", timeline=2)
    assert [row["data"]["page"] for row in found["timeline"]] == [2, 1]
    assert found["timeline"][0]["position"] == "interactions.1/0/3"


async def test_the_plain_way_and_the_documented_way_answer_alike(profile: Profile) -> None:
    await profile.tell("page.viewed", "user:1")
    path = f"/v1/customers/{subject('user:1')}"
    plain = await profile.client.get(path, params={"timeline": 5})
    upper = await profile.client.get(f"/v1/customers/{subject('user:1').upper()}?timeline=5")
    assert plain.status_code == upper.status_code == 200
    assert plain.content == upper.content
    assert plain.headers["content-type"] == upper.headers["content-type"]


async def test_what_the_caller_has_is_not_sent_again(profile: Profile) -> None:
    await profile.tell("page.viewed", "user:1")
    path = f"/v1/customers/{subject('user:1')}"
    tag = (await profile.client.get(path)).headers["etag"]
    again = await profile.client.get(path, headers={"If-None-Match": tag})
    assert again.status_code == 304
    assert again.content == b""
    await profile.tell("page.viewed", "user:1")
    changed = await profile.client.get(path, headers={"If-None-Match": tag})
    assert changed.status_code == 200


async def test_a_customer_is_found_by_identifier(profile: Profile) -> None:
    await profile.tell("page.viewed", "email:jane@example.com")
    await profile.tell("page.viewed", "user:shop:42")
    await profile.tell("page.viewed", "user:7")
    await profile.tell("page.viewed", "user:crm:a")
    for given, who in [
        ("email:Jane@Example.com ", "email:jane@example.com"),
        ("email::jane@example.com", "email:jane@example.com"),
        ("user:42", "user:shop:42"),  # the key's own namespace
        ("user::7", "user:7"),
        ("user:crm:a", "user:crm:a"),
    ]:
        found = await profile.get("/v1/customers", identifier=given, timeline=1)
        assert found["id"] == subject(who), given
        assert len(found["timeline"]) == 1
        kind, *space, value = given.split(":")
        body = {"kind": kind, "value": value} | ({"namespace": space[0]} if space else {})
        posted = await profile.client.post("/v1/customers/lookup?timeline=1", json=body)
        assert posted.json() == found


async def test_an_identifier_nobody_has_used_is_not_found(profile: Profile) -> None:
    answer = await profile.client.get("/v1/customers?identifier=email:nobody@x")
    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"


async def test_a_position_is_waited_for(profile: Profile) -> None:
    told = await profile.tell("page.viewed", "user:1")
    path = f"/v1/customers/{subject('user:1')}"
    position = told.place.position()
    early = await profile.client.get(path, params={"min_position": position})
    assert early.status_code == 503
    assert early.headers["retry-after"]
    await profile.reached(told)
    assert (await profile.client.get(path, params={"min_position": position})).status_code == 200


async def test_a_position_waits_for_belonging_to_be_resolved(profile: Profile) -> None:
    one = await profile.tell("page.viewed", "user:1", "email:a@x")
    await profile.reached(one)
    await profile.site.pool.execute(
        f"INSERT INTO {SCHEMA}.pending (kind, key, topic, partition, next_offset)"
        " VALUES ('pair', $1, $2, $3, $4)",
        subject("email:a@x"),
        one.place.topic,
        one.place.partition,
        one.place.offset + 1,
    )
    wanted = {"min_position": one.place.position()}
    path = f"/v1/customers/{subject('user:1')}"
    assert (await profile.client.get(path, params=wanted)).status_code == 503
    await profile.settle()
    assert (await profile.client.get(path, params=wanted)).status_code == 200
    assert (await profile.client.get("/v1/customers", params=wanted)).status_code == 200
