"""Why identifiers belong where they do, and who may be the same, over HTTP."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.profile.queries import duplicates
from shared.database import Pool
from tests.profile.answering import SCHEMA, Profile, answering
from tests.records import at, identifier, subject


@pytest.fixture
async def profile(pool: Pool) -> AsyncIterator[Profile]:
    async with answering(pool) as profile:
        yield profile


async def belonging(profile: Profile, who: str) -> dict[str, Any]:
    """The identifiers of somebody's customer, each by its value."""
    found = await profile.get(f"/v1/customers/{subject(who)}/belonging")
    return {row["value"]: row for row in found["data"]}


async def test_the_candidate_that_lost_is_shown_with_its_reason(profile: Profile) -> None:
    first = await profile.tell("page.viewed", "user:abc123", "email:jane@x")
    await profile.tell("page.viewed", "user:abc456", "email:jane@x")
    jane = (await belonging(profile, "email:jane@x"))["jane@x"]
    winner, loser = identifier("user:abc123"), identifier("user:abc456")
    assert jane["owners"] == [{"identifier": winner, "direct": True, "since": at(1), "through": []}]
    assert jane["lost"] == [
        {
            "identifier": loser,
            "direct": True,
            "since": at(2),
            "reason": "seen later",
            "to": winner,
        }
    ]
    assert [pair["identifier"] for pair in jane["pairs"]] == [winner, loser]
    assert jane["pairs"][0]["position"] == first.place.position()
    assert jane["pairs"][0]["key"] == "tests"
    assert (jane["pairs"][0]["type"], jane["pairs"][0]["id"]) == ("page.viewed", "1")
    assert jane["pairs"][0]["time"] == at(1)


async def test_a_derived_owner_is_shown_with_what_it_is_derived_through(profile: Profile) -> None:
    await profile.tell("page.viewed", "crm:5", "email:e@x")
    await profile.tell("page.viewed", "user:7", "email:e@x")
    found = await belonging(profile, "crm:5")
    assert set(found) == {"7", "5", "e@x"}
    (owner,) = found["5"]["owners"]
    assert owner["identifier"] == identifier("user:7")
    assert owner["direct"] is False
    assert owner["through"] == [identifier("email:e@x")]
    assert found["5"]["root"] == subject("user:7")
    assert found["7"]["owners"] == []


async def test_a_decision_is_shown_with_who_and_why(profile: Profile) -> None:
    await profile.tell("page.viewed", "user:7", "email:e@x")
    told = await profile.decide("apart", "email:e@x", "user:7", reason="two people")
    (decision,) = (await belonging(profile, "email:e@x"))["e@x"]["decisions"]
    assert decision["identifier"] == identifier("user:7")
    assert (decision["decision"], decision["reason"]) == ("apart", "two people")
    assert decision["actor"] == "service:tests"
    assert decision["time"] == at(2)
    assert decision["position"] == told.place.position()
    (lost,) = (await belonging(profile, "email:e@x"))["e@x"]["lost"]
    assert lost["reason"] == "held apart"


async def test_a_shared_device_says_so(profile: Profile) -> None:
    for n in range(1, 52):  # 0 is a value that identifies nobody
        await profile.tell("page.viewed", f"user:{n}", "device:tablet")
    tablet = (await belonging(profile, "device:tablet"))["tablet"]
    assert tablet["shared"] is True
    assert tablet["owners"] == []
    assert len(tablet["lost"]) == 51
    assert {lost["reason"] for lost in tablet["lost"]} == {"shared"}
    assert (await profile.get("/v1/duplicates"))["data"] == []


async def test_identifiers_are_paged_strongest_first(profile: Profile) -> None:
    await profile.tell("page.viewed", "user:1", "email:a@x", "phone:+49301234567")
    path = f"/v1/customers/{subject('user:1')}/belonging"
    first = await profile.get(path, limit=2)
    rest = await profile.get(path, limit=2, cursor=first["next_cursor"])
    assert [row["kind"] for row in first["data"] + rest["data"]] == ["user", "email", "phone"]
    assert rest["next_cursor"] is None


async def test_two_customers_with_one_phone_are_possible_duplicates(profile: Profile) -> None:
    await profile.tell("page.viewed", "email:a@x", "phone:+49301234567")
    second = await profile.tell("page.viewed", "email:b@x", "phone:+49301234567")
    a, b = subject("email:a@x"), subject("email:b@x")
    found = await profile.get(f"/v1/customers/{a}/duplicates")
    assert found["customer"] == a
    (duplicate,) = found["data"]
    assert duplicate["customer"] == b
    (evidence,) = duplicate["evidence"]
    assert evidence["weaker"] == identifier("phone:+49301234567")
    assert evidence["stronger"] == identifier("email:b@x")
    assert evidence["position"] == second.place.position()
    assert evidence["hint"] is False
    (other,) = (await profile.get(f"/v1/customers/{b}/duplicates"))["data"]
    assert other == {"customer": a, "evidence": [evidence]}
    (both,) = (await profile.get("/v1/duplicates"))["data"]
    assert both == {"customers": sorted((a, b)), "evidence": [evidence]}


async def test_what_is_held_apart_or_joined_is_no_duplicate(profile: Profile) -> None:
    await profile.tell("page.viewed", "user:1", "user:2")
    (hint,) = (await profile.get("/v1/duplicates"))["data"]
    assert hint["evidence"][0]["hint"] is True
    await profile.decide("apart", "user:1", "user:2")
    assert (await profile.get("/v1/duplicates"))["data"] == []
    await profile.decide("observed", "user:1", "user:2")
    assert len((await profile.get("/v1/duplicates"))["data"]) == 1
    await profile.decide("together", "user:1", "user:2")
    assert (await profile.get("/v1/duplicates"))["data"] == []


async def test_duplicates_are_paged(profile: Profile) -> None:
    await profile.tell("page.viewed", "user:1", "user:2", "user:3", "user:4")
    seen: list[list[str]] = []
    cursor: dict[str, str] = {}
    while True:
        page = await profile.get("/v1/duplicates", limit=2, **cursor)
        seen += [row["customers"] for row in page["data"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    subjects = sorted(subject(f"user:{n}") for n in range(1, 5))
    assert seen == [[one, two] for one in subjects for two in subjects if one < two]
    path = f"/v1/customers/{subjects[0]}/duplicates"
    first = await profile.get(path, limit=2)
    rest = await profile.get(path, limit=2, cursor=first["next_cursor"])
    assert [row["customer"] for row in first["data"] + rest["data"]] == subjects[1:]


async def test_however_few_subjects_a_page_looks_at_no_duplicate_is_missed(
    profile: Profile,
) -> None:
    await profile.tell("page.viewed", "user:1", "user:2", "user:3")
    await profile.tell("page.viewed", "email:a@x", "phone:+49301234567")
    await profile.tell("page.viewed", "email:b@x", "phone:+49301234567")
    async with profile.site.pool.acquire() as connection:
        whole, end = await duplicates.page(connection, SCHEMA, 50, None)
        assert (len(whole), end) == (4, None)
        for limit in (1, 2):
            found: list[object] = []
            rows, mark = await duplicates.page(connection, SCHEMA, limit, None, walk=1)
            while mark is not None:
                found += rows
                rows, mark = await duplicates.page(connection, SCHEMA, limit, mark, walk=1)
            assert [*found, *rows] == whole
