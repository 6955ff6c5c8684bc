"""Pages over HTTP: the list of customers, timelines, organisations."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared.database import Pool
from tests.profile.answering import Profile, answering
from tests.records import at, subject


@pytest.fixture
async def profile(pool: Pool) -> AsyncIterator[Profile]:
    async with answering(pool) as profile:
        yield profile


async def all_pages(profile: Profile, path: str, limit: int, **parameters: Any) -> list[Any]:
    """Every item of a list, page by page."""
    found: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        page = await profile.get(path, limit=limit, **parameters, **cursor)
        assert len(page["data"]) <= limit
        found += page["data"]
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


async def five_customers(profile: Profile) -> None:
    """Customers 1 to 5; n of them has n orders of 100 and n % 2 page views; 5 pays in USD."""
    for n in range(1, 6):
        for order in range(n):
            currency = "USD" if n == 5 else "EUR"
            number = f"{n}/{order}"
            fields = {"order": number, "amount": 100, "currency": currency}
            await profile.tell("order.placed", f"user:{n}", **fields)
        for _ in range(n % 2):
            await profile.tell("page.viewed", f"user:{n}")


async def test_every_sort_pages_through_all_customers_in_order(profile: Profile) -> None:
    await five_customers(profile)
    rows = {row["id"]: row for row in (await profile.get("/v1/customers"))["data"]}
    assert rows.keys() == {subject(f"user:{n}") for n in range(1, 6)}
    for field in ("last_seen", "first_seen", "orders", "interactions"):
        for sign in ("", "-"):
            paged = await all_pages(profile, "/v1/customers", 2, sort=sign + field)
            expected = sorted(
                rows.values(), key=lambda row: (row[field], row["id"]), reverse=sign == "-"
            )
            assert paged == expected, sign + field


async def test_the_list_is_filtered_and_sorted_by_revenue_in_one_currency(profile: Profile) -> None:
    await five_customers(profile)
    in_euro = {"filter[currency][eq]": "EUR"}
    paged = await all_pages(profile, "/v1/customers", 1, sort="-revenue", **in_euro)
    assert [row["revenue"] for row in paged] == [400, 300, 200, 100]
    some = {"filter[revenue][gte]": 200, "filter[revenue][lte]": 300}
    found = await profile.get("/v1/customers", sort="revenue", **in_euro, **some)
    assert [row["revenue"] for row in found["data"]] == [200, 300]
    few = await profile.get("/v1/customers", **{"filter[orders][lte]": 1})
    assert [row["id"] for row in few["data"]] == [subject("user:1")]
    late = await profile.get("/v1/customers", **{"filter[last_seen][gte]": at(13)})
    assert [row["id"] for row in late["data"]] == [subject("user:5")]
    early = await profile.get("/v1/customers", **{"filter[first_seen][lte]": at(1)})
    assert [row["id"] for row in early["data"]] == [subject("user:1")]
    busy = await profile.get("/v1/customers", **{"filter[interactions][gte]": 6})
    assert [row["id"] for row in busy["data"]] == [subject("user:5")]


async def test_revenue_needs_a_currency(profile: Profile) -> None:
    for parameters in ({"sort": "revenue"}, {"filter[revenue][gte]": 1}):
        answer = await profile.client.get("/v1/customers", params=parameters)
        assert answer.status_code == 422
        (error,) = answer.json()["errors"]
        assert error["pointer"] == "/query/filter[currency][eq]"


async def test_a_timeline_is_paged_newest_first_over_all_subjects(profile: Profile) -> None:
    for n in range(5):
        who = ("user:1", "email:a@x") if n == 0 else (("user:1",), ("email:a@x",))[n % 2]
        await profile.tell("page.viewed", *who, seconds=n // 2, recorded=10, id=f"e{n}")
    path = f"/v1/customers/{subject('email:a@x')}/timeline"
    paged = await all_pages(profile, path, 2)
    assert [row["id"] for row in paged] == ["e4", "e3", "e2", "e1", "e0"]
    assert {row["subject"] for row in paged} == {subject("user:1"), subject("email:a@x")}
    assert paged[0]["time"] == at(2)
    assert paged[0]["recorded"] == at(10)


async def test_a_timeline_is_filtered(profile: Profile) -> None:
    await profile.tell("page.viewed", "user:1")
    await profile.tell("call.received", "user:1", channel="phone")
    await profile.tell("email.sent", "user:1", channel="email", direction="outbound")
    path = f"/v1/customers/{subject('user:1')}/timeline"

    async def types(**parameters: Any) -> list[str]:
        return [row["type"] for row in (await profile.get(path, **parameters))["data"]]

    assert await types(type=["page.viewed", "email.sent"]) == ["email.sent", "page.viewed"]
    assert await types(channel="phone") == ["call.received"]
    assert await types(direction="inbound") == ["call.received", "page.viewed"]
    assert await types(**{"from": at(2), "to": at(3)}) == ["call.received"]
    assert await types(**{"from": "2026-01-01T01:00:02+01:00", "limit": 1}) == ["email.sent"]


async def test_organisations_show_members_and_former_members(profile: Profile) -> None:
    for name, number in (("Acme", "acme"), ("Zoo", "a/b c")):
        organisation = {"id": number, "name": name}
        fields = {"organisation": organisation, "role": "buyer", "member": True}
        await profile.tell("membership.changed", "email:a@x", **fields)
    fields = {"organisation": {"id": "acme"}, "role": "owner", "member": True}
    await profile.tell("membership.changed", "user:2", **fields)
    await profile.tell("membership.changed", "user:3", **fields)
    await profile.tell("membership.changed", "user:3", **(fields | {"member": False}))
    await profile.tell("page.viewed", "email:a@x", "user:1")
    listed = await all_pages(profile, "/v1/organisations", 1)
    assert [(row["number"], row["name"], row["members"]) for row in listed] == [
        ("a/b c", "Zoo", 1),
        ("acme", "Acme", 2),
    ]
    acme = await profile.get("/v1/organisations/acme")
    assert acme["name"] == "Acme"
    assert (acme["members_total"], acme["former_members_total"]) == (2, 1)
    members = {row["customer"]: row["role"] for row in acme["members"]}
    assert members == {subject("user:1"): "buyer", subject("user:2"): "owner"}
    assert [row["customer"] for row in acme["former_members"]] == [subject("user:3")]
    assert (await profile.get("/v1/organisations/a%2Fb%20c"))["name"] == "Zoo"
    first = await profile.get("/v1/organisations/acme", limit=2)
    rest = await profile.get("/v1/organisations/acme", limit=2, cursor=first["next_cursor"])
    assert len(first["members"]) == 2
    assert rest["members"] == []
    assert rest["former_members"] == acme["former_members"]
    missing = await profile.client.get("/v1/organisations/acme?namespace=other")
    assert missing.status_code == 404
